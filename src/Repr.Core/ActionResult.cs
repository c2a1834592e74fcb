namespace Repr;

/// <summary>How a tool ended.</summary>
public enum ExitKind
{
    /// <summary>By itself, with an exit code.</summary>
    Code,

    /// <summary>By a signal that we did not send.</summary>
    Signal,

    /// <summary>Its time was over; the process tree was killed.</summary>
    TimedOut,
}

/// <summary>The tool's own verdict.</summary>
/// <param name="Kind">How it ended.</param>
/// <param name="Value">The exit code or the signal's number; 0 for a time-out.</param>
public readonly record struct ToolExit(ExitKind Kind, int Value);

/// <summary>
/// One change that a tool made. One of <see cref="FileOutput"/>, <see cref="DirectoryOutput"/>, <see cref="SymlinkOutput"/>,
/// <see cref="DeletedOutput"/>.
/// </summary>
/// <param name="Path">Where.</param>
public abstract record ActionOutput(VirtualPath Path);

/// <summary>A file that was written.</summary>
/// <param name="Path">Where.</param>
/// <param name="Digest">Its content.</param>
/// <param name="Mode">Permission bits, 0o777.</param>
public sealed record FileOutput(VirtualPath Path, Digest Digest, int Mode) : ActionOutput(Path);

/// <summary>A directory that is there.</summary>
/// <param name="Path">Where.</param>
/// <param name="Mode">Permission bits, 0o777.</param>
public sealed record DirectoryOutput(VirtualPath Path, int Mode) : ActionOutput(Path);

/// <summary>A symbolic link that was made.</summary>
/// <param name="Path">Where.</param>
/// <param name="Target">Its text.</param>
public sealed record SymlinkOutput(VirtualPath Path, string Target) : ActionOutput(Path);

/// <summary>Something that is gone.</summary>
/// <param name="Path">Where.</param>
public sealed record DeletedOutput(VirtualPath Path) : ActionOutput(Path);

/// <summary>What a tool did with a path.</summary>
public enum ObservedKind
{
    /// <summary>Content was opened.</summary>
    Read = 1,

    /// <summary>Looked up and not there.</summary>
    Absent = 2,

    /// <summary>A directory was listed.</summary>
    Listed = 3,

    /// <summary>Looked up and there, but not opened.</summary>
    Stated = 4,
}

/// <summary>One path that a tool looked at.</summary>
/// <param name="Path">Where.</param>
/// <param name="Kind">What was done with it; the strongest of several.</param>
public readonly record struct ObservedInput(VirtualPath Path, ObservedKind Kind);

/// <summary>What an action used: where its time went, in milliseconds of the worker's monotonic clock, and memory.</summary>
/// <param name="QueueMs">Waiting for a slot.</param>
/// <param name="SetupMs">Making the workspace and starting the first process.</param>
/// <param name="ToolMs">The tool, first process to last.</param>
/// <param name="QuestionsMs">Time in which at least one file operation waited for the requester.</param>
/// <param name="CollectMs">Finding, hashing and storing outputs.</param>
/// <param name="ToolCpuMs">User plus system time of the process tree.</param>
/// <param name="ToolPeakBytes">Most memory that the largest process of the tree had at once, in bytes; 0: not known.</param>
public readonly record struct ActionTimings(
    double QueueMs, double SetupMs, double ToolMs, double QuestionsMs, double CollectMs, double ToolCpuMs, long ToolPeakBytes = 0);

/// <summary>The verdict of an action and everything it left.</summary>
public sealed record ActionResult
{
    /// <summary>How the tool ended.</summary>
    public required ToolExit Exit { get; init; }

    /// <summary>What it changed within the output roots; contents are in the store.</summary>
    public required IReadOnlyList<ActionOutput> Outputs { get; init; }

    /// <summary>Paths it changed elsewhere; not returned.</summary>
    public required IReadOnlyList<VirtualPath> UndeclaredWrites { get; init; }

    /// <summary>What it looked at, in the order of first use; empty if that is in <see cref="ObservedSet"/>.</summary>
    public required IReadOnlyList<ObservedInput> ObservedInputs { get; init; }

    /// <summary>The content that says what it looked at; null: <see cref="ObservedInputs"/> does.</summary>
    public Digest? ObservedSet { get; init; }

    /// <summary>Where the time went.</summary>
    public required ActionTimings Timings { get; init; }

    /// <summary>How many questions were asked back.</summary>
    public required int Questions { get; init; }

    /// <summary>Set: no tool ran; this is what an earlier run left and said.</summary>
    public CachedRun? Cached { get; init; }

    /// <summary>A tool ran, and the worker knows its result now: it would give it to the same action in the same world.</summary>
    public bool IsKnown { get; init; }

    /// <summary>Why no known result was taken, for people; null: one was, or none was looked for.</summary>
    public string? CacheMiss { get; init; }

    /// <summary>What differs from an earlier run of the same command in the same world, for people.</summary>
    public IReadOnlyList<string> NotRepeatable { get; init; } = [];
}
