using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Repr.Telemetry.Prometheus;

/// <summary>Answers the scrapes of Prometheus.</summary>
internal sealed class PrometheusSink(Uri address) : ITelemetrySink
{
    private WebApplication? _application;

    /// <inheritdoc/>
    public async Task StartAsync(TelemetrySource source, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions()); // no file, no variable opens another address
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Parse(address.Host.Trim('[', ']')), address.Port));
        builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .SetResourceBuilder(ResourceBuilder.CreateDefault().AddService(
                source.Service, serviceVersion: source.Version, autoGenerateServiceInstanceId: false, serviceInstanceId: source.Instance))
            .AddMeter(source.Meter)
            .AddPrometheusExporter());
        WebApplication application = builder.Build();
        _application = application;
        application.MapPrometheusScrapingEndpoint();
        await application.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task WriteAsync(TelemetryEvent telemetryEvent, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_application is { } application)
        {
            await application.DisposeAsync();
        }
    }
}
