using System.Security.Cryptography;
using System.Text;

namespace Repr.Security.Tokens;

/// <summary>
/// The tokens that a worker knows, each line being "name scope[,scope...] token": the token itself, or <c>sha256:</c> and the hash of it in
/// hexadecimal. Empty lines and those that begin with '#' mean nothing. Immutable.
/// </summary>
internal sealed class TokenList
{
    /// <summary>Shorter tokens can be guessed.</summary>
    public const int MinimumLength = 20;

    private const string HashPrefix = "sha256:";

    private readonly (byte[] Hash, Caller Caller)[] _entries;

    private TokenList((byte[] Hash, Caller Caller)[] entries, bool hasPlain)
    {
        _entries = entries;
        HasPlain = hasPlain;
    }

    /// <summary>Whether a token itself is in it, not only hashes.</summary>
    public bool HasPlain { get; }

    /// <summary>Reads a list.</summary>
    /// <exception cref="FormatException">A line is malformed; the message has its number and nothing secret.</exception>
    public static TokenList Parse(string text)
    {
        List<(byte[], Caller)> entries = [];
        bool hasPlain = false;
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0 || words[0].StartsWith('#'))
            {
                continue;
            }

            if (words is not [string name, string scopeWords, string token])
            {
                throw new FormatException($"line {number} is not of the form 'name scope,scope token'.");
            }

            string[] scopes = scopeWords.Split(',');
            if (Scopes.FindProblem(scopes) is { } problem)
            {
                throw new FormatException($"line {number}: {problem}");
            }

            bool isHash = token.StartsWith(HashPrefix, StringComparison.OrdinalIgnoreCase);
            hasPlain |= !isHash;
            entries.Add((isHash ? ParseHash(token[HashPrefix.Length..], number) : HashOf(token, number), new Caller(name, scopes)));
        }

        return new TokenList([.. entries], hasPlain);
    }

    /// <summary>Whose token it is; null: nobody's. Takes the same time whichever it is.</summary>
    public Caller? Find(string token)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(token));
        Caller? found = null;
        foreach ((byte[] known, Caller caller) in _entries)
        {
            bool isThis = CryptographicOperations.FixedTimeEquals(known, hash);
            found = isThis ? caller : found;
        }

        return found;
    }

    private static byte[] HashOf(string token, int number) => token.Length >= MinimumLength
        ? SHA256.HashData(Encoding.UTF8.GetBytes(token))
        : throw new FormatException($"line {number}: the token has less than {MinimumLength} characters; make a longer one at random.");

    private static byte[] ParseHash(string text, int number)
    {
        byte[] hash = new byte[SHA256.HashSizeInBytes];
        return text.Length == 2 * hash.Length && Convert.FromHexString(text, hash, out _, out _) == System.Buffers.OperationStatus.Done
            ? hash
            : throw new FormatException($"line {number}: what follows '{HashPrefix}' is no hash of {2 * hash.Length} hexadecimal digits.");
    }
}
