namespace Repr;

/// <summary>What a path is.</summary>
public enum FileKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    Symlink,
}

/// <summary>What an action sees at one path. Knows no content and no digest.</summary>
/// <param name="Name">The last component of the path; empty for the root.</param>
/// <param name="Kind">What it is.</param>
/// <param name="SizeBytes">Length of a file's content; 0 for a directory; length of the target for a link.</param>
/// <param name="ModifiedNs">Nanoseconds since 1970 UTC.</param>
/// <param name="Mode">Permission bits, 0o7777.</param>
/// <param name="LinkTarget">For a link: its text. Else null.</param>
public sealed record FileEntry(string Name, FileKind Kind, long SizeBytes, long ModifiedNs, int Mode, string? LinkTarget = null);
