namespace Repr.Workspaces.Tests.Contract;

/// <summary>Something that a tool does, on every kind of workspace. Paths are the requester's.</summary>
internal abstract record ToolStep
{
    /// <summary>What a step says when there is nothing at its path.</summary>
    public const string Absent = "absent";

    /// <summary>What a step says that changed something, or that opened something and threw it away.</summary>
    public const string Done = "ok";

    /// <summary>What a step says that was refused.</summary>
    public const string Refused = "refused";

    /// <summary>Says the text of a file, or <see cref="Absent"/>.</summary>
    public sealed record Read(string Path) : ToolStep;

    /// <summary>Says a part of a file.</summary>
    public sealed record ReadRange(string Path, long Offset, int Length) : ToolStep;

    /// <summary>Says "file", "directory" or <see cref="Absent"/>, without reading content.</summary>
    public sealed record Probe(string Path) : ToolStep;

    /// <summary>Says the names in a directory that match, in ordinal order, with spaces; or <see cref="Absent"/>.</summary>
    public sealed record List(string Path, string Pattern = "*") : ToolStep;

    /// <summary>Makes a file, or puts other text into it.</summary>
    public sealed record Write(string Path, string Text) : ToolStep;

    /// <summary>Adds text to a file, or makes it.</summary>
    public sealed record Append(string Path, string Text) : ToolStep;

    /// <summary>Makes a file with all of another's content.</summary>
    public sealed record Copy(string From, string To) : ToolStep;

    /// <summary>Deletes a file or an empty directory.</summary>
    public sealed record Delete(string Path) : ToolStep;

    /// <summary>Gives a file or directory another path; a file that is there is replaced.</summary>
    public sealed record Rename(string From, string To) : ToolStep;

    /// <summary>Makes a directory.</summary>
    public sealed record MakeDirectory(string Path) : ToolStep;

    /// <summary>Gives a file another time.</summary>
    public sealed record Touch(string Path) : ToolStep;

    /// <summary>Reads files at the same time; says their texts in ordinal order, with spaces.</summary>
    public sealed record ReadAtOnce(params string[] Paths) : ToolStep;
}

/// <summary>How a tool's run went.</summary>
/// <param name="Said">What each step said.</param>
/// <param name="Changes">What the workspace found.</param>
/// <param name="Contents">The content of each changed file.</param>
internal sealed record ToolOutcome(
    IReadOnlyList<string> Said, IReadOnlyList<WorkspaceChange> Changes, IReadOnlyDictionary<string, byte[]> Contents)
{
    /// <summary>One line per change, by path: "+ path", "/ path", "@ path", "- path".</summary>
    public string[] Changed =>
    [
        .. Changes.OrderBy(change => change.Path).Select(change => change.Kind switch
        {
            FileKind.File => "+ ",
            FileKind.Directory => "/ ",
            FileKind.Symlink => "@ ",
            _ => "- ",
        } + change.Path),
    ];

    /// <summary>The text of a changed file.</summary>
    public string Text(string path) => System.Text.Encoding.UTF8.GetString(Contents[path]);
}
