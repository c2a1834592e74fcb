using System.Formats.Asn1;
using System.IO.Enumeration;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace Repr.Security.Mtls;

/// <summary>
/// Knows callers by certificates of certain authorities. What was found out about a connection's certificate holds for a minute, unless the
/// authorities change. Safe for concurrent use.
/// </summary>
internal sealed class MtlsAuthenticator : IAuthenticator
{
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2"; // RFC 5280, 4.2.1.12
    private const X509ChainStatusFlags Foreign =
        X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.NotSignatureValid;

    private static readonly TimeSpan Validity = TimeSpan.FromMinutes(1);

    private readonly MtlsOptions _options;
    private readonly PluginContext _context;
    private readonly RereadFiles<X509Certificate2Collection> _authorities;
    private readonly ConditionalWeakTable<X509Certificate2, Judged> _judged = [];
    private string? _complaint;

    /// <summary>Makes one.</summary>
    /// <exception cref="ArgumentException">The authorities cannot be read.</exception>
    public MtlsAuthenticator(MtlsOptions options, PluginContext context)
    {
        _options = options;
        _context = context;
        _authorities = new([options.CaFile!], static contents => Certificates.ReadBundle(contents[0]), context.Time);
        try
        {
            _authorities.Read();
        }
        catch (ReprException exception)
        {
            throw new ArgumentException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public bool UsesCertificates => true;

    /// <inheritdoc/>
    public ValueTask<AuthenticationVerdict> AuthenticateAsync(PresentedCredentials presented, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(presented);
        return ValueTask.FromResult(presented.Certificate is { } certificate ? Find(certificate) : AuthenticationVerdict.Pass());
    }

    private AuthenticationVerdict Find(X509Certificate2 certificate)
    {
        X509Certificate2Collection authorities;
        try
        {
            authorities = _authorities.Read();
            _complaint = null;
        }
        catch (ReprException failure)
        {
            if (Interlocked.Exchange(ref _complaint, failure.Message) != failure.Message)
            {
                _context.Warn($"Nobody is let in by a certificate: {failure.Message}");
            }

            return AuthenticationVerdict.Refuse("the worker's authorities cannot be read; its log says why");
        }

        if (_judged.TryGetValue(certificate, out Judged? known)
            && ReferenceEquals(known.Authorities, authorities)
            && _context.Time.GetElapsedTime(known.At) < Validity)
        {
            return known.Verdict;
        }

        Judged judged = new(authorities, _context.Time.GetTimestamp(), Judge(certificate, authorities));
        _judged.AddOrUpdate(certificate, judged);
        return judged.Verdict;
    }

    private AuthenticationVerdict Judge(X509Certificate2 certificate, X509Certificate2Collection authorities)
    {
        using X509Chain chain = new() { ChainPolicy = Certificates.NewPolicy(authorities, ClientPurpose) };
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.VerificationTime = _context.Time.GetUtcNow().LocalDateTime;
        if (!chain.Build(certificate))
        {
            X509ChainStatus[] problems = chain.ChainStatus;
            return problems.Any(static problem => (problem.Status & Foreign) != 0)
                ? AuthenticationVerdict.Pass($"the client certificate '{certificate.Subject}' is of no authority that is known here")
                : AuthenticationVerdict.Refuse(
                    $"the client certificate '{certificate.Subject}' (until {certificate.NotAfter.ToUniversalTime():u}) is not valid: "
                    + string.Join(", ", problems.Select(static problem => problem.Status)));
        }

        try
        {
            IReadOnlyList<string> names = CertificateNames.Of(certificate);
            string[] scopes =
            [
                .. _options.Grants.Where(grant => names.Any(name => FileSystemName.MatchesSimpleExpression(grant.Name, name, ignoreCase: false)))
                    .SelectMany(static grant => grant.Scopes)
                    .Distinct(StringComparer.Ordinal),
            ];
            return AuthenticationVerdict.Accept(new Caller(names.Count > 0 ? names[0] : certificate.Subject, scopes));
        }
        catch (AsnContentException)
        {
            return AuthenticationVerdict.Refuse("the client certificate has malformed names");
        }
    }

    private sealed record Judged(X509Certificate2Collection Authorities, long At, AuthenticationVerdict Verdict);
}
