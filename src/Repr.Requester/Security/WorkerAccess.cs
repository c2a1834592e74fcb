using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Repr.Plugins;
using Repr.Security;

namespace Repr.Requester.Security;

/// <summary>A credential, and the workers that may see it.</summary>
/// <param name="Workers">Where it may go.</param>
/// <param name="Credential">What is shown.</param>
public sealed record BoundCredential(EndpointPattern Workers, ICredential Credential);

/// <summary>
/// How a requester and a worker know each other: TLS and credentials, from the requester's settings. Disposes the credentials. Safe for
/// concurrent use.
/// </summary>
public sealed class WorkerAccess : IAsyncDisposable
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1"; // RFC 5280, 4.2.1.12

    private readonly IReadOnlyList<BoundCredential> _credentials;
    private readonly RequesterTlsOptions _tls;
    private readonly RereadFiles<X509Certificate2Collection>? _authorities;
    private readonly RereadFiles<SslStreamCertificateContext>? _certificate;

    /// <summary>Takes what the settings name. Files are read when a worker is connected to, so that a renewed one counts.</summary>
    public WorkerAccess(IReadOnlyList<BoundCredential> credentials, RequesterTlsOptions tls, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(tls);
        _credentials = credentials;
        _tls = tls;
        _authorities = tls.CaFile is { } bundle ? new([bundle], static contents => Certificates.ReadBundle(contents[0]), time) : null;
        _certificate = tls.Open(time);
    }

    /// <summary>No credentials, and the system's authorities.</summary>
    public static WorkerAccess None { get; } = new([], new RequesterTlsOptions(), TimeProvider.System);

    /// <summary>Files that no worker gets, as absolute paths.</summary>
    public IEnumerable<string> SecretFiles => _credentials.SelectMany(static bound => bound.Credential.SecretFiles)
        .Concat(new[] { _tls.CertificateFile, _tls.KeyFile }.OfType<string>());

    /// <summary>The credential for a worker; null: there is none.</summary>
    public ICredential? FindCredential(Uri worker) => _credentials.FirstOrDefault(bound => bound.Workers.Matches(worker))?.Credential;

    /// <summary>The TLS settings of a new connection.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unauthenticated"/>: a file cannot be used; the message names it.</exception>
    public SslClientAuthenticationOptions NewTls() => new()
    {
        CertificateChainPolicy = _authorities is null ? null : Certificates.NewPolicy(_authorities.Read(), ServerPurpose),
        ClientCertificateContext = _certificate?.Read(),
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
    };

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (BoundCredential bound in _credentials)
        {
            await PluginServices.DisposeAsync(bound.Credential);
        }
    }
}
