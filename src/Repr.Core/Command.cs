namespace Repr;

/// <summary>A command to run in the requester's world. Immutable.</summary>
public sealed record Command
{
    /// <summary>argv; the first is the absolute path of the program as the requester sees it. Never empty.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Where the program starts.</summary>
    public required VirtualPath WorkingDirectory { get; init; }

    /// <summary>The whole environment of the program.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Files and directories that the program may change; what changes at or below them is returned.</summary>
    public required IReadOnlyList<VirtualPath> OutputRoots { get; init; }

    /// <summary>Directories that a workspace without demand loading copies in full.</summary>
    public IReadOnlyList<VirtualPath> CopyRoots { get; init; } = [];

    /// <summary>After this time the process tree is killed; null: never.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The user the program believes to be, and the owner of all files it sees.</summary>
    public uint UserId { get; init; }

    /// <summary>The group the program believes to be in.</summary>
    public uint GroupId { get; init; }

    /// <summary>The umask the program starts with.</summary>
    public uint Umask { get; init; } = 0x12; // 0o022
}
