using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Repr.Testing;

/// <summary>A certificate authority that lives as long as a test. Certificates have ECDSA keys and are written as PEM.</summary>
public sealed class TestAuthority : IDisposable
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1";
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    private readonly string _directory;
    private readonly X509Certificate2 _root;

    /// <summary>Makes an authority whose files lie in a directory.</summary>
    public TestAuthority(string directory, string name = "Test authority")
    {
        _directory = Directory.CreateDirectory(directory).FullName;
        _root = NewAuthority(name, null);
        CaFile = Write("ca.pem", _root.ExportCertificatePem());
    }

    private TestAuthority(string directory, X509Certificate2 root)
    {
        _directory = directory;
        _root = root;
        CaFile = Write("intermediate.pem", root.ExportCertificatePem());
    }

    /// <summary>Its own certificate.</summary>
    public string CaFile { get; }

    /// <summary>An authority below this one.</summary>
    public TestAuthority NewIntermediate() => new(_directory, NewAuthority("Intermediate authority", _root));

    /// <summary>Issues a certificate of a server at 127.0.0.1 and localhost. The names of two files: certificate and key.</summary>
    public (string Certificate, string Key) IssueServer(string file, string subject = "CN=worker") =>
        Issue(file, subject, ServerPurpose, names =>
        {
            names.AddIpAddress(IPAddress.Loopback);
            names.AddDnsName("localhost");
        });

    /// <summary>Issues a certificate of a client.</summary>
    public (string Certificate, string Key) IssueClient(
        string file, string subject, Action<SubjectAlternativeNameBuilder>? addNames = null, DateTimeOffset? until = null) =>
        Issue(file, subject, ClientPurpose, addNames, until);

    /// <inheritdoc/>
    public void Dispose() => _root.Dispose();

    private static X509Certificate2 NewAuthority(string name, X509Certificate2? issuer)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        if (issuer is null)
        {
            return request.CreateSelfSigned(now.AddYears(-2), now.AddDays(30));
        }

        using X509Certificate2 issued = request.Create(issuer, issuer.NotBefore, issuer.NotAfter, RandomNumberGenerator.GetBytes(16));
        return issued.CopyWithPrivateKey(key);
    }

    private (string Certificate, string Key) Issue(
        string file, string subject, string purpose, Action<SubjectAlternativeNameBuilder>? addNames, DateTimeOffset? until = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], true));
        if (addNames is not null)
        {
            SubjectAlternativeNameBuilder names = new();
            addNames(names);
            request.CertificateExtensions.Add(names.Build());
        }

        using X509Certificate2 issued = request.Create(
            _root, DateTimeOffset.UtcNow.AddYears(-1), until ?? DateTimeOffset.UtcNow.AddDays(10), RandomNumberGenerator.GetBytes(16));
        return (Write(file + ".pem", issued.ExportCertificatePem()), Write(file + ".key", key.ExportPkcs8PrivateKeyPem()));
    }

    private string Write(string name, string content)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path + ".new", content);
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }
}
