namespace Repr;

/// <summary>A command to run in the requester's world. Immutable.</summary>
public sealed record Command
{
    /// <summary>argv. Never empty; the first is the path of the program unless <see cref="ProgramPath"/> is.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The program, if the first argument is not its absolute path.</summary>
    public VirtualPath? ProgramPath { get; init; }

    /// <summary>The absolute path of the program as the requester sees it.</summary>
    public VirtualPath Program => ProgramPath ?? VirtualPath.Parse(Arguments[0]);

    /// <summary>Where the program starts.</summary>
    public required VirtualPath WorkingDirectory { get; init; }

    /// <summary>The whole environment of the program.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Files and directories that the program may change; what changes at or below them is returned.</summary>
    public required IReadOnlyList<VirtualPath> OutputRoots { get; init; }

    /// <summary>Directories that a workspace without demand loading copies in full.</summary>
    public IReadOnlyList<VirtualPath> CopyRoots { get; init; } = [];

    /// <summary>
    /// Paths of the worker itself that the program sees, read-only, at the same place. The file source has a directory or file at
    /// each, for nothing but to be covered. Never a requester's wish: the worker decides.
    /// </summary>
    public IReadOnlyList<VirtualPath> SystemPaths { get; init; } = [];

    /// <summary>After this time the process tree is killed; null: never.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The user the program believes to be, and the owner of all files it sees.</summary>
    public uint UserId { get; init; }

    /// <summary>The group the program believes to be in.</summary>
    public uint GroupId { get; init; }

    /// <summary>The umask the program starts with.</summary>
    public uint Umask { get; init; } = 0x12; // 0o022

    /// <summary>The program's standard input is what is sent to it; else it is empty.</summary>
    public bool TakesInput { get; init; }

    /// <summary>Set: some of the program's standard streams are a terminal.</summary>
    public Terminal? Terminal { get; init; }
}

/// <summary>A terminal that a tool sees.</summary>
/// <param name="Rows">Height in characters.</param>
/// <param name="Columns">Width in characters.</param>
/// <param name="IsInput">It is standard input, and the controlling terminal; only with <see cref="Command.TakesInput"/>.</param>
/// <param name="IsOutput">It is standard output.</param>
/// <param name="IsError">It is standard error.</param>
public sealed record Terminal(int Rows, int Columns, bool IsInput, bool IsOutput, bool IsError);
