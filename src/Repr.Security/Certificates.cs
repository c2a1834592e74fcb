using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Repr.Security;

/// <summary>Reads certificates in the forms in which people have them: PEM (RFC 7468) and PKCS#12 (PFX).</summary>
public static class Certificates
{
    private static readonly byte[] PemStart = Encoding.ASCII.GetBytes("-----BEGIN ");

    /// <summary>Reads a certificate with its private key and, where the file has them, the intermediate certificates.</summary>
    /// <param name="certificate">PEM, the certificate itself first; or PKCS#12.</param>
    /// <param name="key">The private key as PEM; null: it is in <paramref name="certificate"/>.</param>
    /// <param name="password">Of the key or of the PKCS#12 file; null or empty: none.</param>
    /// <exception cref="CryptographicException">It is malformed, the password is wrong, or there is no private key.</exception>
    /// <exception cref="ArgumentException">A PEM file has no certificate, no key, or a key that does not fit.</exception>
    public static SslStreamCertificateContext ReadWithKey(byte[] certificate, byte[]? key, string? password)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        X509Certificate2Collection all = [];
        X509Certificate2? own;
        if (IsPem(certificate))
        {
            string text = Encoding.UTF8.GetString(certificate);
            string keyText = key is null ? text : Encoding.UTF8.GetString(key);
            own = string.IsNullOrEmpty(password)
                ? X509Certificate2.CreateFromPem(text, keyText)
                : X509Certificate2.CreateFromEncryptedPem(text, keyText, password);
            if (OperatingSystem.IsWindows())
            {
                // TLS there cannot use a key that lives in memory alone.
                own = X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pkcs12), null);
            }

            all.ImportFromPem(text);
        }
        else
        {
            all = X509CertificateLoader.LoadPkcs12Collection(certificate, password);
            own = all.FirstOrDefault(static found => found.HasPrivateKey)
                ?? throw new CryptographicException("it has no certificate with a private key.");
        }

        X509Certificate2Collection others = [.. all.Where(other => other.Thumbprint != own.Thumbprint)];
        return SslStreamCertificateContext.Create(own, others, offline: true);
    }

    /// <summary>Reads a bundle of certificates: PEM with one or more, or one in DER.</summary>
    /// <exception cref="CryptographicException">It is malformed or has none.</exception>
    public static X509Certificate2Collection ReadBundle(byte[] content)
    {
        ArgumentNullException.ThrowIfNull(content);
        X509Certificate2Collection bundle = [];
        if (IsPem(content))
        {
            bundle.ImportFromPem(Encoding.UTF8.GetString(content));
        }
        else
        {
            bundle.Add(X509CertificateLoader.LoadCertificate(content));
        }

        return bundle.Count > 0 ? bundle : throw new CryptographicException("it has no certificate.");
    }

    /// <summary>The rules for a chain that ends in one of these certificates, and not in one that the system trusts.</summary>
    /// <param name="bundle">Roots, and intermediate certificates where the other side does not send them.</param>
    /// <param name="purpose">The extended key usage (RFC 5280, 4.2.1.12) that a certificate must allow, if it says anything about it.</param>
    public static X509ChainPolicy NewPolicy(X509Certificate2Collection bundle, string purpose)
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(bundle);
        policy.ApplicationPolicy.Add(new Oid(purpose));
        return policy;
    }

    private static bool IsPem(byte[] content) => content.AsSpan().IndexOf(PemStart) >= 0;
}
