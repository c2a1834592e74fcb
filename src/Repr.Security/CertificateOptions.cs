using System.ComponentModel.DataAnnotations;
using System.Net.Security;

namespace Repr.Security;

/// <summary>Settings that name a certificate with its private key.</summary>
public abstract class CertificateOptions : IValidatableObject
{
    /// <summary>PEM (the certificate itself first, intermediate ones after it) or PKCS#12; null: none.</summary>
    [AbsolutePath]
    public string? CertificateFile { get; set; }

    /// <summary>The private key, PEM; null: it is in the certificate's file.</summary>
    [AbsolutePath]
    public string? KeyFile { get; set; }

    /// <summary>Of the key or the PKCS#12 file; best given by a variable of the environment.</summary>
    public string? Password { get; set; }

    /// <summary>The certificate, read when it is asked for and again when its files change; null: there is none.</summary>
    public RereadFiles<SslStreamCertificateContext>? Open(TimeProvider time) => CertificateFile is { } certificate
        ? new(
            KeyFile is { } key ? [certificate, key] : [certificate],
            contents => Certificates.ReadWithKey(contents[0], contents.Count > 1 ? contents[1] : null, Password),
            time)
        : null;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (CertificateFile is null && (KeyFile ?? Password) is not null)
        {
            yield return new ValidationResult("is missing; KeyFile and Password mean nothing without it.", [nameof(CertificateFile)]);
        }
    }
}
