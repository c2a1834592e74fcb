namespace Repr.Build;

/// <summary>A file that exists only in the tool's world, for one action.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record ActionFile(string Path, byte[] Content);

/// <summary>One run of a tool, as a task describes it from its own parameters. All paths are absolute and normalised. Immutable.</summary>
internal sealed record RemoteAction
{
    /// <summary>argv; the first is the program.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Where the program starts.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>The whole environment of the program.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Files that the tool will probably read. They need not exist.</summary>
    public required IReadOnlyCollection<string> Inputs { get; init; }

    /// <summary>Files that the tool will probably read, for as long as nothing was learned of the action: they may differ from build to build.</summary>
    public IReadOnlyCollection<string> GuessedInputs { get; init; } = [];

    /// <summary>Files that exist only for this action.</summary>
    public required IReadOnlyList<ActionFile> VirtualFiles { get; init; }

    /// <summary>Files that the tool may write.</summary>
    public required IReadOnlyCollection<string> OutputFiles { get; init; }

    /// <summary>Those of its outputs that may stay on the worker until somebody reads them.</summary>
    public IReadOnlyCollection<string> PlaceholderFiles { get; init; } = [];

    /// <summary>Directories in which the tool may write anything.</summary>
    public required IReadOnlyCollection<string> OutputDirectories { get; init; }

    /// <summary>Directories in which the tool may change anything, and sees what is there.</summary>
    public IReadOnlyCollection<string> WriteRoots { get; init; } = [];

    /// <summary>
    /// True when the task knows hardly more than the command line: the requester process looks for the program, adds what it finds out
    /// about inputs, and keeps back what must not leave the machine of the <see cref="Environment"/>.
    /// </summary>
    public bool Derive { get; init; }

    /// <summary>Directories and files that the worker may ask for.</summary>
    public required IReadOnlyCollection<string> ReadRoots { get; init; }

    /// <summary>For people, as in "Csc App.Core".</summary>
    public required string Description { get; init; }

    /// <summary>Names what was learned from earlier runs of this action.</summary>
    public required string PredictionKey { get; init; }

    /// <summary>Whether a result that the worker knows will do.</summary>
    public Protocol.V1.CacheMode Cache { get; init; } = Protocol.V1.CacheMode.Off;

    /// <summary>After this time the tool is ended; null: never.</summary>
    public TimeSpan? Timeout { get; init; }
}
