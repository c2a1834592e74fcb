using System.ComponentModel.DataAnnotations;

namespace Repr.Telemetry.Otlp;

/// <summary>How spans and metrics are sent.</summary>
public enum OtlpTransport
{
    /// <summary>OTLP/gRPC, usually port 4317.</summary>
    Grpc,

    /// <summary>OTLP/HTTP with binary bodies, usually port 4318.</summary>
    HttpProtobuf,
}

/// <summary>
/// Options of <see cref="OtlpPlugin"/>. What is not set comes from the variables of the environment that OpenTelemetry specifies
/// (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c> and others), else it is OpenTelemetry's default.
/// </summary>
public sealed class OtlpOptions : IValidatableObject
{
    /// <summary>The collector, as in "http://127.0.0.1:4317"; null: OpenTelemetry's default, port 4317 (gRPC) or 4318 (HTTP) of this machine.</summary>
    public Uri? Endpoint { get; set; }

    /// <summary>How to talk to it; null: gRPC, or what the environment says.</summary>
    public OtlpTransport? Protocol { get; set; }

    /// <summary>Headers of each request, as for a token.</summary>
    public Dictionary<string, string> Headers { get; set; } = [];

    /// <summary>Attributes of the process besides its name, version and instance, as in <c>deployment.environment.name</c>.</summary>
    public Dictionary<string, string> ResourceAttributes { get; set; } = [];

    /// <summary>Send spans.</summary>
    public bool Traces { get; set; } = true;

    /// <summary>Send metrics.</summary>
    public bool Metrics { get; set; } = true;

    /// <summary>Seconds between two messages with metrics.</summary>
    [Range(1, 3600)]
    public int MetricsSeconds { get; set; } = 10;

    /// <summary>Seconds after which a message that is not answered is given up.</summary>
    [Range(1, 60)]
    public int TimeoutSeconds { get; set; } = 4;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Endpoint is { } endpoint && (!endpoint.IsAbsoluteUri || (endpoint.Scheme != Uri.UriSchemeHttp && endpoint.Scheme != Uri.UriSchemeHttps)))
        {
            yield return new ValidationResult("is not an address like http://127.0.0.1:4317.", [nameof(Endpoint)]);
        }

        if (Headers.Any(static header => header.Key.AsSpan().ContainsAny(',', '=') || header.Value.Contains(',', StringComparison.Ordinal)))
        {
            yield return new ValidationResult("a header has no ',' and its name no '='.", [nameof(Headers)]);
        }
    }
}
