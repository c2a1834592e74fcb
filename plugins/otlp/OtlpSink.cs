using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Repr.Telemetry.Otlp;

/// <summary>Exports spans and metrics. Events are of no interest to it: the spans have all that they have.</summary>
internal sealed class OtlpSink(OtlpOptions options, Action<string> warn) : ITelemetrySink
{
    // A compile that asks much has hundreds of spans, and OpenTelemetry drops what has no room.
    private const int SpanQueue = 1 << 15;

    private readonly FailureListener _failures = new(failure => warn($"what should go to {options.Endpoint?.ToString() ?? "the collector"} is lost: {failure}"));
    private TracerProvider? _traces;
    private MeterProvider? _metrics;

    /// <inheritdoc/>
    public Task StartAsync(TelemetrySource source, CancellationToken cancellationToken)
    {
        ResourceBuilder resource = ResourceBuilder.CreateDefault()
            .AddService(source.Service, serviceVersion: source.Version, autoGenerateServiceInstanceId: false, serviceInstanceId: source.Instance)
            .AddAttributes(options.ResourceAttributes.Select(static pair => new KeyValuePair<string, object>(pair.Key, pair.Value)));
        if (options.Traces)
        {
            _traces = Sdk.CreateTracerProviderBuilder()
                .SetResourceBuilder(resource)
                .AddSource(source.ActivitySource)
                .AddOtlpExporter(exporter =>
                {
                    Configure(exporter, "v1/traces");
                    exporter.BatchExportProcessorOptions.MaxQueueSize = SpanQueue;
                    exporter.BatchExportProcessorOptions.ExporterTimeoutMilliseconds = exporter.TimeoutMilliseconds;
                })
                .Build();
        }

        if (options.Metrics)
        {
            _metrics = Sdk.CreateMeterProviderBuilder()
                .SetResourceBuilder(resource)
                .AddMeter(source.Meter)
                .AddOtlpExporter((exporter, reader) =>
                {
                    Configure(exporter, "v1/metrics");
                    reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = options.MetricsSeconds * 1000;
                    reader.PeriodicExportingMetricReaderOptions.ExportTimeoutMilliseconds = exporter.TimeoutMilliseconds;
                })
                .Build();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task WriteAsync(TelemetryEvent telemetryEvent, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Sends what is left. Both block, so they do it side by side.
        int timeout = options.TimeoutSeconds * 1000;
        await Task.WhenAll(Task.Run(() => _traces?.Shutdown(timeout)), Task.Run(() => _metrics?.Shutdown(timeout)));
        _traces?.Dispose();
        _metrics?.Dispose();
        _failures.Dispose();
    }

    private void Configure(OtlpExporterOptions exporter, string path)
    {
        exporter.TimeoutMilliseconds = options.TimeoutSeconds * 1000;
        if (options.Protocol is { } protocol)
        {
            exporter.Protocol = protocol == OtlpTransport.Grpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        }

        if (options.Endpoint is { } endpoint)
        {
            // An address that is set here is used as it is; for HTTP that is the whole one.
            exporter.Endpoint = exporter.Protocol == OtlpExportProtocol.Grpc ? endpoint : new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/" + path);
        }

        if (options.Headers.Count > 0)
        {
            exporter.Headers = string.Join(',', options.Headers.Select(static header => $"{header.Key}={Uri.EscapeDataString(header.Value)}"));
        }
    }
}
