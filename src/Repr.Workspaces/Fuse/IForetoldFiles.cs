using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// A requester's files of which it is known beforehand what the tool will most likely look at. A workspace may put that before the tool as it is, and ask
/// for nothing of it while the tool runs. Safe for concurrent use.
/// </summary>
public interface IForetoldFiles : IFileSource
{
    /// <summary>Whose they are: of what was put before a tool of somebody else nothing is left.</summary>
    string Caller { get; }

    /// <summary>
    /// What the tool will most likely look at, as far as the answers are known without a question, with all directories on the way; each path once, and
    /// what is above comes first. Notes nothing.
    /// </summary>
    IReadOnlyList<ForetoldEntry> Foretell();

    /// <summary>Opens a content that is on this machine; null: it is not. Notes nothing. The caller disposes the handle.</summary>
    SafeFileHandle? TryOpen(Digest content);

    /// <summary>Says what the tool can see without anybody hearing of it: it counts as looked at, and files as read.</summary>
    /// <param name="shown">What was put before it.</param>
    void NoteShown(IReadOnlyDictionary<VirtualPath, ForetoldEntry> shown);
}

/// <summary>One path that a tool will most likely look at.</summary>
/// <param name="Path">Where.</param>
/// <param name="Entry">What is there; null: nothing.</param>
/// <param name="Content">A file's content.</param>
public sealed record ForetoldEntry(VirtualPath Path, FileEntry? Entry, Digest Content = default);
