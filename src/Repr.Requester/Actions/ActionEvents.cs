using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>Makes the event of an action that has ended, and completes its span.</summary>
internal static class ActionEvents
{
    /// <summary>Makes the event.</summary>
    public static ActionCompleted Make(
        Wire.Run run, Wire.DoorReply reply, Wire.RunStatistics statistics, ActionProgress progress, DateTimeOffset ended)
    {
        return new ActionCompleted
        {
            Time = ended,
            BuildId = run.BuildId,
            TraceId = progress.Span.TraceId,
            Description = run.Description,
            Outcome = reply.Done is not null ? ActionOutcome.Remote : reply.NotRun.Cancelled ? ActionOutcome.Cancelled : ActionOutcome.NotRun,
            Code = reply.NotRun?.Code,
            Message = reply.NotRun?.Message,
            Exit = progress.Result is { } result ? $"{result.Exit.Kind} {result.Exit.Value}" : null,
            Worker = progress.Worker.Length > 0 ? progress.Worker : run.Endpoint,
            Attempts = statistics.Attempts,
            Mapped = statistics.Mapped,
            AskedBack = statistics.AskedBack,
            UploadedFiles = statistics.UploadedFiles,
            UploadedBytes = statistics.UploadedBytes,
            SharedFiles = statistics.SharedFiles,
            SharedBytes = statistics.SharedBytes,
            DownloadedFiles = statistics.DownloadedFiles,
            DownloadedBytes = statistics.DownloadedBytes,
            RequestBytes = statistics.RequestBytes,
            TotalMs = statistics.TotalMs,
            UploadMs = statistics.UploadMs,
            QueueMs = statistics.QueueMs,
            ToolMs = statistics.ToolMs,
            DownloadMs = statistics.DownloadMs,
            CachedToolMs = progress.Result?.Cached?.ToolMs,
            Kept = progress.IsKept ? true : null,
            CacheMiss = progress.Result?.CacheMiss,
            NotRepeatable = progress.Result is { NotRepeatable.Count: > 0 } repeated ? repeated.NotRepeatable : null,
            Placement = progress.Placement,
            Race = progress.Race,
            Timings = progress.Result?.Timings,
            Asked = progress.Answers?.Questions.ToPaths() ?? [],
            Served = [.. progress.Answers?.Served ?? []],
            UndeclaredWrites =
                progress.Result is { UndeclaredWrites.Count: > 0 } written ? [.. written.UndeclaredWrites.Select(path => path.Text)] : null,
        };
    }

    /// <summary>Ends the span of the action.</summary>
    public static void End(Span span, ActionCompleted action)
    {
        if (span.IsRecorded)
        {
            span.Rename(NameOf(action.Description))
                .Set(TelemetryNames.Description, action.Description)
                .Set(TelemetryNames.Outcome, Telemetry.RequesterMetrics.Name(action.Outcome))
                .Set(TelemetryNames.WorkerId, action.Worker)
                .Set(TelemetryNames.Attempts, action.Attempts)
                .Set(TelemetryNames.Mapped, action.Mapped)
                .Set(TelemetryNames.Questions, action.AskedBack);
            if (action.Race is { } race)
            {
                span.Set(TelemetryNames.RaceOutcome, Telemetry.RequesterMetrics.Name(race.Outcome));
            }

            if (action.Outcome == ActionOutcome.NotRun)
            {
                span.Fail(action.Code!, action.Message!);
            }
        }

        span.End(action.Time);
    }

    // The tool, and not its project or file: names of spans are few.
    private static string NameOf(string description) => "action " + description.Split(' ', 2)[0];
}
