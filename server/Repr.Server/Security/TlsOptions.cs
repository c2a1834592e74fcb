using Repr.Security;

namespace Repr.Server.Security;

/// <summary>
/// Section <c>Tls</c> of a worker's settings: the certificate that it shows; without one it does without TLS. The password is best given
/// by the variable <c>REPR__Tls__Password</c>.
/// </summary>
public sealed class TlsOptions : CertificateOptions;
