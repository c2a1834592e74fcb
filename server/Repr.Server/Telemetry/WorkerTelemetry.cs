using System.Diagnostics;
using Repr.Telemetry;

namespace Repr.Server.Telemetry;

/// <summary>What a worker tells. Nothing that goes wrong here has an effect on an action. Safe for concurrent use. Owns neither.</summary>
internal sealed class WorkerTelemetry(WorkerMetrics metrics, TelemetrySinks sinks, TimeProvider time)
{
    /// <summary>Its instruments.</summary>
    public WorkerMetrics Metrics => metrics;

    /// <summary>An action arrives.</summary>
    /// <param name="description">For people, as in "Csc App.Core".</param>
    /// <param name="traceParent">The requester's span; may be empty.</param>
    public static Span Begin(string description, string traceParent) => Span
        .Start("execute " + description.Split(' ', 2)[0], ActivityKind.Server, traceParent)
        .Set(TelemetryNames.Description, description);

    /// <summary>An action has a verdict.</summary>
    /// <param name="span">What <see cref="Begin"/> returned; it is ended.</param>
    /// <param name="start">When the action arrived, a time stamp of <see cref="Stopwatch"/>.</param>
    /// <param name="description">For people.</param>
    /// <param name="result">The verdict.</param>
    public void End(Span span, long start, string description, ActionResult result)
    {
        span.Set(TelemetryNames.Questions, result.Questions);
        if (result.Exit.Kind == ExitKind.Code)
        {
            span.Set(TelemetryNames.ExitCode, result.Exit.Value);
        }

        End(span, start, new ActionExecuted
        {
            Time = time.GetUtcNow(),
            TraceId = span.TraceId,
            Description = description,
            Exit = $"{result.Exit.Kind} {result.Exit.Value}",
            IsCached = result.Cached is not null,
            CacheMiss = result.CacheMiss,
            Questions = result.Questions,
            Timings = result.Timings,
        });
    }

    /// <summary>An action has no verdict.</summary>
    /// <param name="span">What <see cref="Begin"/> returned; it is ended.</param>
    /// <param name="start">When the action arrived.</param>
    /// <param name="description">For people.</param>
    /// <param name="code">Why.</param>
    /// <param name="message">The same for people.</param>
    public void Fail(Span span, long start, string description, ReprErrorCode code, string message)
    {
        span.Fail(code.ToString(), message);
        End(span, start, new ActionExecuted
        {
            Time = time.GetUtcNow(),
            TraceId = span.TraceId,
            Description = description,
            Failure = code,
            Message = message,
            Questions = 0,
        });
    }

    private void End(Span span, long start, ActionExecuted ended)
    {
        span.Dispose();
        metrics.Ended(ended, Stopwatch.GetElapsedTime(start));
        sinks.Post(ended);
    }
}
