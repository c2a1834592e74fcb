namespace Repr;

/// <summary>
/// What a requester shows to workers: a bearer token. The host sends it only to the addresses that the settings name, and only through
/// TLS or to this machine. Safe for concurrent use; asked before every call, so it must be fast as a rule.
/// </summary>
public interface ICredential
{
    /// <summary>Files that hold secrets, as absolute paths: no worker gets them, whatever else it may read.</summary>
    IReadOnlyCollection<string> SecretFiles { get; }

    /// <summary>The token for a worker.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Unauthenticated"/>: there is none now; the message says why and what to do, without anything secret.
    /// </exception>
    ValueTask<string> GetTokenAsync(Uri worker, CancellationToken cancellationToken);

    /// <summary>A worker did not know the token: one that is remembered must be asked for anew.</summary>
    void Forget(string token);
}
