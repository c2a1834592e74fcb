using System.Diagnostics.Tracing;
using System.Globalization;

namespace Repr.Telemetry.Otlp;

/// <summary>OpenTelemetry tells its failures by event sources only. The first one is passed on.</summary>
internal sealed class FailureListener(Action<string> failed) : EventListener
{
    private const string Sources = "OpenTelemetry-Exporter-OpenTelemetryProtocol";

    private int _told;

    /// <inheritdoc/>
    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == Sources)
        {
            EnableEvents(eventSource, EventLevel.Warning);
        }
    }

    /// <inheritdoc/>
    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.Message is { } message && Interlocked.Exchange(ref _told, 1) == 0)
        {
            string text = eventData.Payload is { } values ? string.Format(CultureInfo.InvariantCulture, message, [.. values]) : message;
            failed(text.Split('\n')[0].TrimEnd());
        }
    }
}
