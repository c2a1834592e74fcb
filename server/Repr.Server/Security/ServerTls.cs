using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Repr.Security;

namespace Repr.Server.Security;

/// <summary>
/// TLS of a worker: the certificate of the settings, read again when its files change. New files that cannot be used are a warning and
/// the certificate before them stays: a renewal that goes wrong must not end what works. Safe for concurrent use.
/// </summary>
internal sealed partial class ServerTls
{
    private readonly RereadFiles<SslStreamCertificateContext> _files;
    private readonly bool _asksForCertificates;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private SslStreamCertificateContext _current;
    private string? _complaint;

    private ServerTls(RereadFiles<SslStreamCertificateContext> files, bool asksForCertificates, TimeProvider time, ILogger log)
    {
        _files = files;
        _asksForCertificates = asksForCertificates;
        _time = time;
        _log = log;
        _current = files.Read();
        NoteExpiry(_current.TargetCertificate);
    }

    /// <summary>Reads the certificate.</summary>
    /// <param name="options">Settings with a certificate.</param>
    /// <param name="asksForCertificates">Whether callers may show certificates; they are judged by authenticators, not here.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Gets renewals, and files that cannot be used.</param>
    /// <exception cref="ReprException">The certificate cannot be used; the message names the file.</exception>
    public static ServerTls Load(TlsOptions options, bool asksForCertificates, TimeProvider time, ILogger log) =>
        new(options.Open(time)!, asksForCertificates, time, log);

    /// <summary>Makes an address that of an https endpoint.</summary>
    public void Use(ListenOptions listen) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = Current(),
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateRequired = _asksForCertificates,

            // A client certificate that is not good enough is refused by an authenticator, with a sentence instead of a TLS alert.
#pragma warning disable CA5359 // it is not the last word
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        }),
    });

    private SslStreamCertificateContext Current()
    {
        try
        {
            SslStreamCertificateContext now = _files.Read();
            if (Interlocked.Exchange(ref _current, now) != now)
            {
                Log.Renewed(_log, now.TargetCertificate.Subject, now.TargetCertificate.NotAfter.ToUniversalTime());
                NoteExpiry(now.TargetCertificate);
            }

            _complaint = null;
        }
        catch (ReprException failure)
        {
            if (Interlocked.Exchange(ref _complaint, failure.Message) != failure.Message)
            {
                Log.NotRenewed(_log, failure.Message);
            }
        }

        return _current;
    }

    private void NoteExpiry(X509Certificate2 certificate)
    {
        if (certificate.NotAfter.ToUniversalTime() <= _time.GetUtcNow())
        {
            Log.Expired(_log, certificate.Subject, certificate.NotAfter.ToUniversalTime());
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Certificate {Subject} is used from now on; it is valid until {Until:u}")]
        public static partial void Renewed(ILogger log, string subject, DateTime until);

        [LoggerMessage(LogLevel.Warning, "The certificate before is used further: {Reason}")]
        public static partial void NotRenewed(ILogger log, string reason);

        [LoggerMessage(LogLevel.Warning, "Certificate {Subject} has expired at {Until:u}; requesters will refuse it. Renew it.")]
        public static partial void Expired(ILogger log, string subject, DateTime until);
    }
}
