using System.Diagnostics;
using System.Diagnostics.Metrics;
using Repr.Telemetry;

namespace Repr.Requester.Telemetry;

/// <summary>The instruments of a requester process. Free while nobody listens. Safe for concurrent use.</summary>
internal sealed class RequesterMetrics : IDisposable
{
    private readonly Meter _meter = new(TelemetryNames.Source, RequesterOptions.ProductVersion);
    private readonly UpDownCounter<long> _active;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _phase;
    private readonly Histogram<double> _question;
    private readonly Counter<long> _network;
    private readonly Counter<long> _races;

    /// <summary>Makes them.</summary>
    public RequesterMetrics()
    {
        _active = _meter.CreateUpDownCounter<long>("repr.requester.active_actions", "{action}", "Actions under way.");
        _duration = _meter.CreateHistogram(
            "repr.requester.action.duration", "s", "Actions by outcome, from the request to the answer.", null, DurationBuckets());
        _phase = _meter.CreateHistogram("repr.requester.action.phase.duration", "s", "Parts of actions.", null, DurationBuckets());
        _question = _meter.CreateHistogram(
            "repr.requester.question.duration", "s", "Questions asked back: how long the tool waited.", null, DurationBuckets());
        _races = _meter.CreateCounter<long>("repr.requester.races", "{race}", "Actions that were run a second time because they took much longer than expected, by outcome.");
        _network = _meter.CreateCounter<long>("repr.requester.network.io", "By", "Content moved to and from workers and the store that is shared with them, uncompressed.");
    }

    /// <summary>An action begins.</summary>
    public void Enter() => _active.Add(1);

    /// <summary>An action has ended.</summary>
    public void Leave(ActionCompleted action, IEnumerable<TimeSpan> waits)
    {
        _active.Add(-1);
        TagList tags = new() { { TelemetryNames.Outcome, Name(action.Outcome) } };
        if (action.Outcome == ActionOutcome.NotRun)
        {
            tags.Add(TelemetryNames.ErrorType, action.Code);
        }

        _duration.Record(action.TotalMs / 1000, tags);
        if (action.Race is { } race)
        {
            _races.Add(1, new KeyValuePair<string, object?>(TelemetryNames.RaceOutcome, Name(race.Outcome)));
        }

        _network.Add(action.UploadedBytes + action.SharedBytes, new KeyValuePair<string, object?>(TelemetryNames.NetworkDirection, "transmit"));
        _network.Add(action.DownloadedBytes, new KeyValuePair<string, object?>(TelemetryNames.NetworkDirection, "receive"));
        if (action.Outcome == ActionOutcome.Remote)
        {
            Record("upload", action.UploadMs);
            Record("queue", action.QueueMs);
            Record("tool", action.ToolMs);
            Record("download", action.DownloadMs);
        }

        if (_question.Enabled)
        {
            foreach (TimeSpan wait in waits)
            {
                _question.Record(wait.TotalSeconds);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    /// <summary>The outcome as attributes and records have it.</summary>
    public static string Name(ActionOutcome outcome) => outcome switch
    {
        ActionOutcome.Remote => "remote",
        ActionOutcome.Cancelled => "cancelled",
        _ => "not-run",
    };

    /// <summary>The outcome of a race as attributes and records have it.</summary>
    public static string Name(RaceOutcome outcome) => outcome switch
    {
        RaceOutcome.Won => "won",
        RaceOutcome.Lost => "lost",
        _ => "taken-back",
    };

    private static InstrumentAdvice<double> DurationBuckets() => new() { HistogramBucketBoundaries = TelemetryNames.DurationBuckets };

    private void Record(string phase, double ms) => _phase.Record(ms / 1000, new KeyValuePair<string, object?>(TelemetryNames.Phase, phase));
}
