using System.Buffers;

namespace Repr.Security;

/// <summary>Checks that a text can be sent as a bearer token.</summary>
public static class BearerToken
{
    // RFC 6750, 2.1: b64token
    private static readonly SearchValues<char> s_characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

    /// <summary>The token in a text, without the white space around it.</summary>
    /// <exception cref="FormatException">There is none, or it has a character that tokens don't have. The message does not repeat it.</exception>
    public static string Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string token = text.Trim();
        return token.Length == 0
            ? throw new FormatException("there is no token in it.")
            : token.AsSpan().ContainsAnyExcept(s_characters)
            ? throw new FormatException("it holds more than one token, or one with characters that a token can't have.")
            : token;
    }
}
