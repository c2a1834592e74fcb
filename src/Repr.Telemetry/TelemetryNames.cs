namespace Repr.Telemetry;

/// <summary>
/// Names of spans, instruments and attributes, in one place. They follow the semantic conventions of OpenTelemetry
/// (https://opentelemetry.io/docs/specs/semconv/): lower case, dots, no unit in the name; what the conventions know has their name.
/// docs/operations.md has the list for users.
/// </summary>
public static class TelemetryNames
{
    /// <summary>The one <see cref="System.Diagnostics.ActivitySource"/> and the <see cref="System.Diagnostics.Metrics.Meter"/>.</summary>
    public const string Source = "Repr";

    /// <summary><c>service.name</c> of a requester process.</summary>
    public const string Requester = "repr-requester";

    /// <summary><c>service.name</c> of a worker.</summary>
    public const string Worker = "repr-worker";

    /// <summary>Convention: the kind of failure; here a message code of Repr, or a name of <see cref="ReprErrorCode"/>.</summary>
    public const string ErrorType = "error.type";

    /// <summary>Convention: a path.</summary>
    public const string FilePath = "file.path";

    /// <summary>Convention: "transmit" or "receive".</summary>
    public const string NetworkDirection = "network.io.direction";

    /// <summary>Convention: "read" or "write".</summary>
    public const string DiskDirection = "disk.io.direction";

    /// <summary>Names the build.</summary>
    public const string BuildId = "repr.build.id";

    /// <summary>For people, as in "Csc App.Core".</summary>
    public const string Description = "repr.action.description";

    /// <summary>"remote", "not-run" or "cancelled"; on a worker "completed" or "failed".</summary>
    public const string Outcome = "repr.action.outcome";

    /// <summary>How a race of two runs of an action ended: "won" (by the second), "lost" or "taken-back" (it runs on the requester's machine).</summary>
    public const string RaceOutcome = "repr.race.outcome";

    /// <summary>A part of an action: "map", "upload", "queue", "execute", "download"; on a worker "queue", "setup", "tool", "collect".</summary>
    public const string Phase = "repr.action.phase";

    /// <summary>The worker's id.</summary>
    public const string WorkerId = "repr.worker.id";

    /// <summary>How often an action was tried.</summary>
    public const string Attempts = "repr.action.attempts";

    /// <summary>The tool's exit code.</summary>
    public const string ExitCode = "process.exit.code";

    /// <summary>Facts sent with an action.</summary>
    public const string Mapped = "repr.action.mapped";

    /// <summary>How many questions were asked.</summary>
    public const string Questions = "repr.action.questions";

    /// <summary>"entry", "listing" or "content".</summary>
    public const string QuestionKind = "repr.question.kind";

    /// <summary>The kind of a tool's server that ran an action; unset: the tool was a process of its own.</summary>
    public const string WarmTool = "repr.warm_tool";

    /// <summary>Files that a span moved.</summary>
    public const string Files = "repr.files";

    /// <summary>Bytes that a span moved.</summary>
    public const string Bytes = "repr.bytes";

    /// <summary>Actions of a build.</summary>
    public const string Actions = "repr.build.actions";

    /// <summary>"hit" or "miss".</summary>
    public const string CasResult = "repr.cas.result";

    /// <summary>"hit" or "miss".</summary>
    public const string CacheResult = "repr.result_cache.result";

    /// <summary>Why it is a miss: of a metric "no-entry", "changed", "incomplete", "not-asked" or "not-repeatable"; of a span a sentence.</summary>
    public const string CacheMiss = "repr.result_cache.miss";

    /// <summary>Bounds of the buckets of all durations, in seconds: from the answer to a question to a long compile.</summary>
    public static IReadOnlyList<double> DurationBuckets { get; } =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 300];
}
