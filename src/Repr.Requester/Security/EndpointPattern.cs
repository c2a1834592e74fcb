using System.Diagnostics.CodeAnalysis;

namespace Repr.Requester.Security;

/// <summary>
/// Which workers get a credential: an address like "https://build.example.com:7070", or "https://*.example.com:7070" for every host
/// below a domain. Plain http is for this machine alone. Immutable.
/// </summary>
public sealed class EndpointPattern
{
    private const string Wildcard = "://*.";
    private const string Stand = "://x."; // so that the rest can be read as an address

    private readonly Uri _address;
    private readonly string? _domain;

    private EndpointPattern(Uri address, string? domain)
    {
        _address = address;
        _domain = domain;
    }

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">As in the settings.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="problem">What is wrong with the text.</param>
    public static bool TryParse(
        string? text, [NotNullWhen(true)] out EndpointPattern? pattern, [NotNullWhen(false)] out string? problem)
    {
        pattern = null;
        bool isDomain = text?.Contains(Wildcard, StringComparison.Ordinal) == true;
        string? plain = isDomain ? text!.Replace(Wildcard, Stand, StringComparison.Ordinal) : text;
        if (!Uri.TryCreate(plain, UriKind.Absolute, out Uri? address)
            || address.Scheme is not ("http" or "https")
            || address is not { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" })
        {
            problem = $"'{text}' is no address like https://build.example.com:7070 or https://*.example.com:7070.";
            return false;
        }

        if (address.Scheme == Uri.UriSchemeHttp && !address.IsLoopback)
        {
            problem = $"'{text}' is not encrypted; a credential goes to https only, or to this machine.";
            return false;
        }

        problem = null;
        string? domain = isDomain ? address.IdnHost[address.IdnHost.IndexOf('.', StringComparison.Ordinal)..] : null;
        pattern = new EndpointPattern(address, domain);
        return true;
    }

    /// <summary>Whether an address is meant.</summary>
    public bool Matches(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return endpoint.Scheme == _address.Scheme
            && endpoint.Port == _address.Port
            && (_domain is null
                ? string.Equals(endpoint.IdnHost, _address.IdnHost, StringComparison.OrdinalIgnoreCase)
                : endpoint.IdnHost.EndsWith(_domain, StringComparison.OrdinalIgnoreCase) && endpoint.IdnHost.Length > _domain.Length);
    }
}
