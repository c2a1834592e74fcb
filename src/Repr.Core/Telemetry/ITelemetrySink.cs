namespace Repr;

/// <summary>Who reports, and where to listen. Given to each <see cref="ITelemetrySink"/> at its start.</summary>
/// <param name="Service">"repr-requester" or "repr-worker": the <c>service.name</c> of OpenTelemetry.</param>
/// <param name="Version">As in "0.1.0": <c>service.version</c>.</param>
/// <param name="Instance">Names this process among those of the same service: <c>service.instance.id</c>.</param>
/// <param name="ActivitySource">Name of the <see cref="System.Diagnostics.ActivitySource"/> that makes the spans.</param>
/// <param name="Meter">Name of the <see cref="System.Diagnostics.Metrics.Meter"/>s that have the instruments.</param>
public sealed record TelemetrySource(string Service, string Version, string Instance, string ActivitySource, string Meter);

/// <summary>
/// Takes what a worker or requester tells about itself and brings it somewhere. There are two ways, and a sink uses what it needs: events,
/// one by one (<see cref="WriteAsync"/>), or spans and metrics by an <see cref="System.Diagnostics.ActivityListener"/>, a
/// <see cref="System.Diagnostics.Metrics.MeterListener"/> or OpenTelemetry, from <see cref="StartAsync"/> on. Spans and metrics are made
/// only while somebody listens.
/// </summary>
/// <remarks>
/// A sink can't harm a build. Events wait in a queue of its own, which drops when it is full; what a sink throws, and that it hangs, is
/// told once and has no other effect. No two calls overlap.
/// </remarks>
public interface ITelemetrySink : IAsyncDisposable
{
    /// <summary>Called once, before anything else. What takes long, as a connection, is made later: the process waits for a few seconds only.</summary>
    Task StartAsync(TelemetrySource source, CancellationToken cancellationToken);

    /// <summary>Takes an event, in the order in which things happened.</summary>
    Task WriteAsync(TelemetryEvent telemetryEvent, CancellationToken cancellationToken);
}
