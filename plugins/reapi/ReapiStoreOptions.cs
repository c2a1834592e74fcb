using System.ComponentModel.DataAnnotations;

namespace Repr.Cas.Reapi;

/// <summary>When content travels compressed, to servers that can read it.</summary>
public enum ReapiCompression
{
    /// <summary>To other machines.</summary>
    Auto,

    /// <summary>Always.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>Options of <see cref="ReapiStorePlugin"/>.</summary>
public sealed class ReapiStoreOptions : IValidatableObject
{
    /// <summary>The server: <c>grpc://host:port</c>, or <c>grpcs://</c> for TLS; <c>http://</c> and <c>https://</c> mean the same.</summary>
    [Required]
    public string Endpoint { get; set; } = string.Empty;

    /// <summary>Which of the server's stores; empty: its only one.</summary>
    public string InstanceName { get; set; } = string.Empty;

    /// <summary>Headers of every call, as for authentication: <c>"authorization": "Bearer ..."</c>.</summary>
    public Dictionary<string, string> Headers { get; set; } = [];

    /// <summary>File with the certificates (PEM) that may have signed the server's; empty: those of the system.</summary>
    public string CertificateAuthority { get; set; } = string.Empty;

    /// <summary>File with the certificate (PEM) that this side shows; empty: none.</summary>
    public string ClientCertificate { get; set; } = string.Empty;

    /// <summary>File with its private key (PEM); empty: it is in the same file.</summary>
    public string ClientKey { get; set; } = string.Empty;

    /// <summary>When content travels compressed.</summary>
    public ReapiCompression Compression { get; set; } = ReapiCompression.Auto;

    /// <summary>How often a call that failed for a reason that may pass is made again.</summary>
    [Range(0, 10)]
    public int Retries { get; set; } = 3;

    /// <summary>Seconds after which a question or a batch is given up.</summary>
    [Range(1, 600)]
    public int TimeoutSeconds { get; set; } = 15;

    /// <summary>Batches under way at the same time.</summary>
    [Range(1, 64)]
    public int ParallelCalls { get; set; } = 4;

    /// <summary>The address as HTTP knows it.</summary>
    internal Uri Address => new(
        Endpoint.Replace("grpcs://", "https://", StringComparison.OrdinalIgnoreCase).Replace("grpc://", "http://", StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        bool isTls = false;
        if (Endpoint.Length > 0)
        {
            if (!Uri.TryCreate(Endpoint, UriKind.Absolute, out Uri? uri)
                || uri.Scheme is not ("grpc" or "grpcs" or "http" or "https") || uri.PathAndQuery is not ("/" or "") || uri.UserInfo.Length > 0
                || uri.Host.Length == 0 || uri.Port < 1)
            {
                yield return new ValidationResult("is no address like grpc://host:port or grpcs://host:port.", [nameof(Endpoint)]);
                yield break;
            }

            isTls = uri.Scheme is "grpcs" or "https";
        }

        if (InstanceName.StartsWith('/') || InstanceName.EndsWith('/'))
        {
            yield return new ValidationResult("neither begins nor ends with '/'.", [nameof(InstanceName)]);
        }

        if (!isTls && (CertificateAuthority.Length > 0 || ClientCertificate.Length > 0))
        {
            yield return new ValidationResult("certificates need TLS: grpcs:// or https://.", [nameof(Endpoint)]);
        }

        if (ClientKey.Length > 0 && ClientCertificate.Length == 0)
        {
            yield return new ValidationResult("is the key of a ClientCertificate, which is missing.", [nameof(ClientKey)]);
        }
    }
}
