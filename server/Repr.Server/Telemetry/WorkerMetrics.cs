using System.Diagnostics;
using System.Diagnostics.Metrics;
using Repr.Cas;
using Repr.Farm;
using Repr.Server.Execution;
using Repr.Server.Results;
using Repr.Telemetry;

namespace Repr.Server.Telemetry;

/// <summary>The instruments of a worker. Free while nobody listens. Safe for concurrent use.</summary>
internal sealed class WorkerMetrics : IDisposable
{
    private readonly Meter _meter = new(TelemetryNames.Source, typeof(WorkerMetrics).Assembly.GetName().Version?.ToString(3));
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _phase;
    private readonly Histogram<double> _question;
    private readonly Counter<long> _lookups;
    private readonly Counter<long> _io;
    private readonly Counter<long> _results;

    /// <summary>Makes them.</summary>
    /// <param name="slots">Whose use is told.</param>
    /// <param name="disk">Whose size is told.</param>
    /// <param name="maximumBytes">Bound of the store.</param>
    public WorkerMetrics(SlotPool slots, DiskContentStore disk, long maximumBytes)
    {
        InstrumentAdvice<double> durations = new() { HistogramBucketBoundaries = TelemetryNames.DurationBuckets };
        _meter.CreateObservableUpDownCounter("repr.worker.slot.limit", () => (long)slots.Count, "{slot}", "Actions that run at the same time.");
        _meter.CreateObservableUpDownCounter("repr.worker.slot.usage", () => (long)slots.Running, "{slot}", "Slots in use.");
        _meter.CreateObservableUpDownCounter("repr.worker.queue.length", () => (long)slots.Queued, "{action}", "Actions that wait for a slot.");
        _meter.CreateObservableUpDownCounter("repr.cas.size", () => disk.UsedBytes, "By", "Space of the blobs of the content store on disk.");
        _meter.CreateObservableUpDownCounter("repr.cas.limit", () => maximumBytes, "By", "Bound of that space.");
        _meter.CreateObservableUpDownCounter("repr.cas.blobs", () => (long)disk.Count, "{blob}", "Blobs of the content store on disk.");
        _lookups = _meter.CreateCounter<long>("repr.cas.lookups", "{lookup}", "Digests that the content store was asked for.");
        _io = _meter.CreateCounter<long>("repr.cas.io", "By", "Content put into the content store and opened there.");
        _results = _meter.CreateCounter<long>("repr.result_cache.lookups", "{lookup}", "Actions whose result was looked for in the result cache.");
        _duration = _meter.CreateHistogram(
            "repr.worker.action.duration", "s", "Actions by outcome, from their arrival to their end.", null, durations);
        _phase = _meter.CreateHistogram("repr.worker.action.phase.duration", "s", "Parts of actions.", null, durations);
        _question = _meter.CreateHistogram(
            "repr.worker.question.duration", "s", "Questions asked back: how long the tool waited.", null, durations);
    }

    /// <summary>
    /// Tells of the farm too. Each worker tells the same, that of the whole farm: take the highest, not the sum. A worker that has not heard of the farm
    /// yet tells nothing.
    /// </summary>
    /// <param name="view">The farm, as it was known last; null: not known.</param>
    public void Watch(Func<FarmView?> view)
    {
        Observe("repr.farm.workers", "{worker}", "Workers of the farm that take actions.", static farm => farm.Endpoints.Count);
        Observe("repr.farm.quarantined", "{worker}", "Of these, left alone for now: they failed too often, or their results differ.", static farm => farm.Quarantined);
        Observe("repr.farm.slot.limit", "{slot}", "Their slots.", static farm => farm.Slots);
        Observe("repr.farm.slot.usage", "{slot}", "Slots of the farm that are leased.", static farm => farm.Busy);
        Observe("repr.farm.queue.length", "{action}", "Actions that wait for a slot of the farm.", static farm => farm.Queued);
        _meter.CreateObservableGauge(
            "repr.farm.queue.time", () => Measure(static farm => farm.QueueSeconds), "s", "Work that waits for each slot of the farm: the signal to scale by.");

        void Observe(string name, string unit, string description, Func<FarmView, long> of) =>
            _meter.CreateObservableGauge(name, () => Measure(of), unit, description);

        IEnumerable<Measurement<T>> Measure<T>(Func<FarmView, T> of)
            where T : struct => view() is { } farm ? [new Measurement<T>(of(farm))] : [];
    }

    /// <summary>An action has ended.</summary>
    public void Ended(ActionExecuted action, TimeSpan took)
    {
        TagList tags = new() { { TelemetryNames.Outcome, action.Failure is null ? "completed" : "failed" } };
        if (action.Failure is { } failure)
        {
            tags.Add(TelemetryNames.ErrorType, failure.ToString());
        }

        _duration.Record(took.TotalSeconds, tags);
        if (action is { IsCached: false, Timings: { } timings })
        {
            Record("queue", timings.QueueMs);
            Record("setup", timings.SetupMs);
            Record("tool", timings.ToolMs);
            Record("collect", timings.CollectMs);
        }
    }

    /// <summary>A question was answered.</summary>
    public void Answered(TimeSpan wait) => _question.Record(wait.TotalSeconds);

    /// <summary>The store was asked for blobs.</summary>
    public void LookedUp(int hits, int misses)
    {
        if (hits > 0)
        {
            _lookups.Add(hits, new KeyValuePair<string, object?>(TelemetryNames.CasResult, "hit"));
        }

        if (misses > 0)
        {
            _lookups.Add(misses, new KeyValuePair<string, object?>(TelemetryNames.CasResult, "miss"));
        }
    }

    /// <summary>The result of an action was looked for.</summary>
    /// <param name="miss">Why it was not found; null: it was.</param>
    public void LookedUpResult(MissReason? miss)
    {
        TagList tags = new() { { TelemetryNames.CacheResult, miss is null ? "hit" : "miss" } };
        if (miss is { } reason)
        {
            tags.Add(TelemetryNames.CacheMiss, reason switch
            {
                MissReason.NoEntry => "no-entry",
                MissReason.Changed => "changed",
                MissReason.Incomplete => "incomplete",
                MissReason.NotAsked => "not-asked",
                _ => "not-repeatable",
            });
        }

        _results.Add(1, tags);
    }

    /// <summary>Content was put into the store.</summary>
    public void Written(long bytes) => _io.Add(bytes, new KeyValuePair<string, object?>(TelemetryNames.DiskDirection, "write"));

    /// <summary>Content was opened.</summary>
    public void Opened(long bytes) => _io.Add(bytes, new KeyValuePair<string, object?>(TelemetryNames.DiskDirection, "read"));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void Record(string phase, double ms) => _phase.Record(ms / 1000, new KeyValuePair<string, object?>(TelemetryNames.Phase, phase));
}
