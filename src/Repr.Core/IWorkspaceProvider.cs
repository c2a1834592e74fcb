using Microsoft.Win32.SafeHandles;

namespace Repr;

/// <summary>
/// The read-only file system that an action sees below its own writes: the requester's. Asked lazily, one component at a time;
/// every directory on the way to a path has been found before. Safe for concurrent use. Answers never change: the caller may
/// keep them as long as the source lives.
/// </summary>
public interface IFileSource
{
    /// <summary>What is at this path; null when there is nothing. Links are not followed.</summary>
    /// <exception cref="ReprException">The answer could not be had; the action must end without a verdict.</exception>
    ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken);

    /// <summary>All entries of a directory, in no order.</summary>
    /// <exception cref="ReprException">The answer could not be had; the action must end without a verdict.</exception>
    ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken);

    /// <summary>Opens a file's content on this machine, read-only; its length is the entry's. The caller disposes the handle.</summary>
    /// <exception cref="ReprException">The content could not be had; the action must end without a verdict.</exception>
    ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken);
}

/// <summary>Makes workspaces of one kind. Safe for concurrent use.</summary>
public interface IWorkspaceProvider : IAsyncDisposable
{
    /// <summary>"fuse", "copying" or "projfs".</summary>
    string Name { get; }

    /// <summary>A sentence for the administrator when it can't be used here; null when it can.</summary>
    string? WhyUnavailable { get; }

    /// <summary>Makes a workspace for one action.</summary>
    /// <param name="stagingDirectory">An empty directory for this action alone; deleted by the workspace.</param>
    /// <param name="slot">Number of the slot, from 0; no two workspaces with one number live at the same time.</param>
    /// <param name="command">The command that will be run.</param>
    /// <param name="files">What it sees.</param>
    /// <param name="cancellationToken">Stops the making.</param>
    ValueTask<IWorkspace> CreateAsync(
        string stagingDirectory, int slot, Command command, IFileSource files, CancellationToken cancellationToken);
}

/// <summary>Where a tool's text goes. Called by one thread at a time, in the order in which the text was read.</summary>
public interface IToolText
{
    /// <summary>Takes a chunk; the bytes are valid during the call only.</summary>
    ValueTask WriteAsync(bool isStandardError, ReadOnlyMemory<byte> data, CancellationToken cancellationToken);
}

/// <summary>How the run of a tool went.</summary>
/// <param name="Exit">The verdict.</param>
/// <param name="SetupMs">From the call to the tool's first instruction, in milliseconds.</param>
/// <param name="ToolMs">From there to its end, in milliseconds.</param>
/// <param name="CpuMs">User plus system time of the process tree, in milliseconds.</param>
/// <param name="PeakBytes">Most memory that the largest process of the tree had at once; 0: not known.</param>
public readonly record struct ToolRun(ToolExit Exit, double SetupMs, double ToolMs, double CpuMs, long PeakBytes = 0);

/// <summary>
/// A change that a tool made, as found in the workspace after its end. One of the kinds of <see cref="FileKind"/>, or a deletion.
/// </summary>
/// <param name="Path">Where, in the requester's world.</param>
/// <param name="Kind">What is there now; null: it was deleted.</param>
/// <param name="Mode">Permission bits, 0o777.</param>
/// <param name="LocalPath">For a file: where its content lies on this machine until the workspace is disposed.</param>
/// <param name="LinkTarget">For a link: its text.</param>
public sealed record WorkspaceChange(VirtualPath Path, FileKind? Kind, int Mode, string? LocalPath = null, string? LinkTarget = null);

/// <summary>The place in which one action runs. Disposing it kills what still runs and takes the files away.</summary>
public interface IWorkspace : IAsyncDisposable
{
    /// <summary>
    /// Runs the command, once. Returns when the whole process tree is gone. Cancelling kills the tree.
    /// </summary>
    /// <param name="text">Where the tool's text goes.</param>
    /// <param name="input">What it gets while it runs; null: nothing.</param>
    /// <param name="cancellationToken">Kills the process tree.</param>
    /// <exception cref="ReprException">
    /// There is no verdict: the tool could not be started, or a file could not be had. The first such failure wins.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    ValueTask<ToolRun> RunAsync(IToolText text, IToolInput? input, CancellationToken cancellationToken);

    /// <summary>
    /// What the tool changed, parents before children, outside its private directories (/proc, /dev, /tmp unless below an output
    /// root). Only after <see cref="RunAsync"/> has returned.
    /// </summary>
    IReadOnlyList<WorkspaceChange> CollectChanges();
}
