using System.ComponentModel.DataAnnotations;
using Repr.Security;

namespace Repr.Server.Security;

/// <summary>Section <c>Tls</c> of a worker's settings: the certificate that it shows.</summary>
public sealed class TlsOptions : IValidatableObject
{
    /// <summary>PEM (the worker's certificate first, intermediate ones after it) or PKCS#12; null: no TLS.</summary>
    [AbsolutePath]
    public string? CertificateFile { get; set; }

    /// <summary>The private key, PEM; null: it is in the certificate's file.</summary>
    [AbsolutePath]
    public string? KeyFile { get; set; }

    /// <summary>Of the key or the PKCS#12 file; best given by the variable <c>REPR__Tls__Password</c>.</summary>
    public string? Password { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (CertificateFile is null && (KeyFile ?? Password) is not null)
        {
            yield return new ValidationResult("is missing; the other settings of Tls mean nothing without it.", [nameof(CertificateFile)]);
        }
    }
}
