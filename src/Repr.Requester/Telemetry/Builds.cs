using System.Diagnostics;
using Repr.Telemetry;

namespace Repr.Requester.Telemetry;

/// <summary>
/// Which builds are under way. Nobody says when a build begins or ends: it begins with an action whose build id is not under way, and ends
/// when none of its actions has run for <see cref="Idle"/>. Safe for concurrent use.
/// </summary>
internal sealed class Builds(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Id, string TraceParent), RunningBuild> _running = [];

    /// <summary>How long a build may pause.</summary>
    public static TimeSpan Idle { get; } = TimeSpan.FromSeconds(10);

    /// <summary>An action begins.</summary>
    /// <param name="id">Of its build; may be empty.</param>
    /// <param name="traceParent">The trace that the build is a part of; empty: it is a trace of its own.</param>
    public RunningBuild Enter(string id, string traceParent)
    {
        lock (_lock)
        {
            if (!_running.TryGetValue((id, traceParent), out RunningBuild? build))
            {
                build = new RunningBuild
                {
                    Id = id,
                    Started = time.GetUtcNow(),
                    Span = Span.Start("build", ActivityKind.Internal, traceParent).Set(TelemetryNames.BuildId, id),
                };
                _running.Add((id, traceParent), build);
            }

            build.Running++;
            return build;
        }
    }

    /// <summary>An action has ended.</summary>
    public void Leave(RunningBuild build, ActionCompleted action)
    {
        lock (_lock)
        {
            build.Running--;
            build.IdleSince = time.GetTimestamp();
            build.Ended = action.Time > build.Ended ? action.Time : build.Ended;
            build.Sum = build.Sum with
            {
                Remote = build.Sum.Remote + (action.Outcome == ActionOutcome.Remote ? 1 : 0),
                NotRun = build.Sum.NotRun + (action.Outcome == ActionOutcome.NotRun ? 1 : 0),
                Cancelled = build.Sum.Cancelled + (action.Outcome == ActionOutcome.Cancelled ? 1 : 0),
                Raced = build.Sum.Raced + (action.Race is null ? 0 : 1),
                AskedBack = build.Sum.AskedBack + action.AskedBack,
                UploadedBytes = build.Sum.UploadedBytes + action.UploadedBytes,
                DownloadedBytes = build.Sum.DownloadedBytes + action.DownloadedBytes,
            };
        }
    }

    /// <summary>Ends builds that none of whose actions run.</summary>
    /// <param name="atOnce">Without waiting whether another action comes.</param>
    public IReadOnlyList<BuildEnded> EndIdle(bool atOnce)
    {
        lock (_lock)
        {
            List<BuildEnded> ended = [];
            foreach (((string Id, string TraceParent) key, RunningBuild build) in _running
                .Where(pair => pair.Value.Running == 0 && (atOnce || time.GetElapsedTime(pair.Value.IdleSince) >= Idle))
                .ToList())
            {
                _running.Remove(key);
                BuildEnded end = build.Sum with { Time = build.Ended, Started = build.Started, BuildId = build.Id, TraceId = build.Span.TraceId };
                build.Span.Set(TelemetryNames.Actions, end.Remote + end.NotRun + end.Cancelled).End(build.Ended);
                ended.Add(end);
            }

            return ended;
        }
    }
}
