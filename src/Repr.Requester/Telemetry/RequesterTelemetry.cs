using Microsoft.Extensions.Logging;
using Repr.Telemetry;

namespace Repr.Requester.Telemetry;

/// <summary>
/// What a requester process tells: the build record, which is always kept, and whatever else listens. Nothing that goes wrong here has an
/// effect on an action. Safe for concurrent use.
/// </summary>
internal sealed partial class RequesterTelemetry : IAsyncDisposable
{
    private static readonly TimeSpan RecordsKept = TimeSpan.FromDays(14);

    private readonly Builds _builds;
    private readonly RequesterMetrics _metrics = new();
    private readonly JsonLinesSink _record;
    private readonly TelemetrySinks _sinks;
    private readonly ILogger _log;

    private RequesterTelemetry(JsonLinesSink record, TelemetrySinks sinks, TimeProvider time, ILogger log)
    {
        _record = record;
        _sinks = sinks;
        _builds = new Builds(time);
        _log = log;
    }

    /// <summary>Starts it.</summary>
    /// <param name="records">Directory of the build records.</param>
    /// <param name="sinks">Who listens besides.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Gets a warning when a sink fails.</param>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    public static async Task<RequesterTelemetry> StartAsync(
        string records, IReadOnlyCollection<NamedSink> sinks, TimeProvider time, ILogger log)
    {
        JsonLinesSink record = new(records, RecordsKept, time);
        string instance = string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}");
        TelemetrySource source = new(
            TelemetryNames.Requester, RequesterOptions.ProductVersion, instance, TelemetryNames.Source, TelemetryNames.Source);
        return new RequesterTelemetry(record, await TelemetrySinks.StartAsync(sinks, source, time, log), time, log);
    }

    /// <summary>An action begins; every call is followed by one of <see cref="Leave"/>.</summary>
    public RunningBuild Enter(string buildId, string traceParent)
    {
        _metrics.Enter();
        return _builds.Enter(buildId, traceParent);
    }

    /// <summary>An action has ended; its line is in the record when this returns.</summary>
    /// <param name="build">What <see cref="Enter"/> returned.</param>
    /// <param name="action">What happened.</param>
    /// <param name="waits">How long its tool waited for each question.</param>
    public void Leave(RunningBuild build, ActionCompleted action, IEnumerable<TimeSpan> waits)
    {
        _metrics.Leave(action, waits);
        _builds.Leave(build, action);
        try
        {
            _record.Write(action);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.NotRecorded(_log, action.Description, exception);
        }

        _sinks.Post(action);
    }

    /// <summary>Ends builds that have paused for long; to be called now and then.</summary>
    public void EndIdleBuilds() => EndBuilds(atOnce: false);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        EndBuilds(atOnce: true);
        await _sinks.DisposeAsync();
        _metrics.Dispose();
        await _record.DisposeAsync();
    }

    private void EndBuilds(bool atOnce)
    {
        foreach (BuildEnded build in _builds.EndIdle(atOnce))
        {
            _sinks.Post(build);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Action}: could not be written to the build record")]
        public static partial void NotRecorded(ILogger log, string action, Exception exception);
    }
}
