using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Repr.Telemetry.Prometheus;

/// <summary>Options of <see cref="PrometheusPlugin"/>.</summary>
public sealed class PrometheusOptions : IValidatableObject
{
    /// <summary>Where to answer: <c>http://</c>, an IP address and a port. On another address than loopback anyone who reaches it can read the metrics.</summary>
    public string Listen { get; set; } = "http://127.0.0.1:9464";

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!Uri.TryCreate(Listen, UriKind.Absolute, out Uri? address)
            || address.Scheme != Uri.UriSchemeHttp
            || address.PathAndQuery != "/"
            || !IPAddress.TryParse(address.Host.Trim('[', ']'), out _))
        {
            yield return new ValidationResult("is not an address like http://127.0.0.1:9464.", [nameof(Listen)]);
        }
    }
}

/// <summary>
/// "prometheus": metrics at <c>/metrics</c> of a listener of its own, to be fetched by Prometheus.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
/// </summary>
public sealed class PrometheusPlugin : IPlugin<ITelemetrySink, PrometheusOptions>
{
    /// <inheritdoc/>
    public string Name => "prometheus";

    /// <inheritdoc/>
    public ITelemetrySink Create(PrometheusOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new PrometheusSink(new Uri(options.Listen));
    }
}
