using System.ComponentModel.DataAnnotations;
using Repr.Security;

namespace Repr.Requester.Security;

/// <summary>Section <c>Tls</c> of a requester's settings: whom it trusts, and the certificate that it shows, at https endpoints.</summary>
public sealed class RequesterTlsOptions : IValidatableObject
{
    /// <summary>PEM: the authorities of workers, instead of those of the system; null: those of the system.</summary>
    [AbsolutePath]
    public string? CaFile { get; set; }

    /// <summary>The client certificate, PEM or PKCS#12, which is shown to workers that ask for one; null: none.</summary>
    [AbsolutePath]
    public string? CertificateFile { get; set; }

    /// <summary>Its private key, PEM; null: it is in the certificate's file.</summary>
    [AbsolutePath]
    public string? KeyFile { get; set; }

    /// <summary>Of the key or the PKCS#12 file; best given by the variable <c>REPR_REQUESTER__Tls__Password</c>.</summary>
    public string? Password { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (CertificateFile is null && (KeyFile ?? Password) is not null)
        {
            yield return new ValidationResult("is missing; KeyFile and Password mean nothing without it.", [nameof(CertificateFile)]);
        }
    }
}
