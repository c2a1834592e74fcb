using System.Security.Cryptography.X509Certificates;

namespace Repr;

/// <summary>
/// Finds out who calls a worker. A worker asks its authenticators in the order of the settings; the first that recognises what the
/// caller shows decides. Safe for concurrent use; called for every call, so it must be fast as a rule.
/// </summary>
public interface IAuthenticator
{
    /// <summary>Whether it looks at client certificates; a worker asks for them in the TLS handshake only then.</summary>
    bool UsesCertificates { get; }

    /// <summary>
    /// Judges what a caller shows. Whatever keeps it from judging (a file that cannot be read, keys that cannot be fetched) is a
    /// refusal, never a pass. Reasons are shown to the caller and logged: one sentence for a person, and nothing secret.
    /// </summary>
    ValueTask<AuthenticationVerdict> AuthenticateAsync(PresentedCredentials presented, CancellationToken cancellationToken);
}

/// <summary>What a caller shows.</summary>
/// <param name="Token">The bearer token (RFC 6750, 2.1); null: none.</param>
/// <param name="Certificate">
/// The certificate whose private key the caller has proved to have; null: none. Nothing else about it has been checked.
/// </param>
public sealed record PresentedCredentials(string? Token, X509Certificate2? Certificate)
{
    /// <summary>Never shows the token.</summary>
    public override string ToString() => $"token: {(Token is null ? "no" : "yes")}, certificate: {Certificate?.Subject ?? "no"}";
}

/// <summary>A caller that is known.</summary>
/// <param name="Name">What logs call it.</param>
/// <param name="Scopes">What it may do; see <see cref="Repr.Scopes"/>.</param>
public sealed record Caller(string Name, IReadOnlyCollection<string> Scopes);

/// <summary>What an authenticator says.</summary>
public sealed record AuthenticationVerdict
{
    private AuthenticationVerdict(Caller? caller, string? reason, bool isFinal)
    {
        Caller = caller;
        Reason = reason;
        IsFinal = isFinal;
    }

    /// <summary>Who it is; null: not known.</summary>
    public Caller? Caller { get; }

    /// <summary>Why the caller is not known, as in "the token has expired"; null: nothing was shown that this authenticator looks at.</summary>
    public string? Reason { get; }

    /// <summary>Whether other authenticators are not asked any more.</summary>
    public bool IsFinal { get; }

    /// <summary>The caller is known.</summary>
    public static AuthenticationVerdict Accept(Caller caller) => new(caller, null, isFinal: true);

    /// <summary>What is shown is for this authenticator, and is not good enough.</summary>
    public static AuthenticationVerdict Refuse(string reason) => new(null, reason, isFinal: true);

    /// <summary>Nothing is shown for this authenticator, or something that others may know.</summary>
    public static AuthenticationVerdict Pass(string? reason = null) => new(null, reason, isFinal: false);
}
