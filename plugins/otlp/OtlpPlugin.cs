namespace Repr.Telemetry.Otlp;

/// <summary>
/// "otlp": spans and metrics to a collector or backend that speaks the OpenTelemetry Protocol, by OpenTelemetry's own SDK.
/// https://opentelemetry.io/docs/specs/otlp/
/// </summary>
public sealed class OtlpPlugin : IPlugin<ITelemetrySink, OtlpOptions>
{
    /// <inheritdoc/>
    public string Name => "otlp";

    /// <inheritdoc/>
    public ITelemetrySink Create(OtlpOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        return new OtlpSink(options, context.Warn);
    }
}
