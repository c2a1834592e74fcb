using Repr.Security;

namespace Repr.Requester.Security;

/// <summary>
/// Section <c>Tls</c> of a requester's settings: whom it trusts at https endpoints, and the certificate that it shows to workers that ask
/// for one. The password is best given by the variable <c>REPR_REQUESTER__Tls__Password</c>.
/// </summary>
public sealed class RequesterTlsOptions : CertificateOptions
{
    /// <summary>PEM: the authorities of workers, instead of those of the system; null: those of the system.</summary>
    [AbsolutePath]
    public string? CaFile { get; set; }
}
