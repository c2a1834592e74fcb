namespace Repr.Workspaces.ProjFs;

/// <summary>
/// The projected file system of the operating system, as a provider uses it. One implementation calls the library itself
/// (<see cref="NativeProjFs"/>); another could stand on Microsoft.Windows.ProjFS, whose classes have the same shape. Answers are
/// <see cref="HResult"/>s. Safe for concurrent use.
/// </summary>
internal interface IProjFs
{
    /// <summary>Orders names as the file system does, without case.</summary>
    int CompareNames(string left, string right);

    /// <summary>Whether a name matches a search expression, with wildcards or without.</summary>
    bool MatchesName(string name, string pattern);

    /// <summary>What of a file is on the disk.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="state">The state; <see cref="PrjFileState.None"/> for what was never projected.</param>
    /// <returns>An error when nothing is at the path.</returns>
    int GetState(string path, out PrjFileState state);

    /// <summary>Makes a directory a virtualization root and starts to answer for it.</summary>
    /// <param name="root">An empty directory, within no other root.</param>
    /// <param name="threads">How many of the library's threads call at the same time.</param>
    /// <param name="provide">Gets the instance before it runs, and says who answers: questions may come before this method returns.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the file system has no such service here.</exception>
    void Start(string root, int threads, Func<IVirtualizationInstance, IProjectionCallbacks> provide);
}

/// <summary>
/// A running virtualization root. Each method may be called during a callback and after it, for a command that is pending. Safe for
/// concurrent use; after <see cref="Stop"/> no method may be called.
/// </summary>
internal interface IVirtualizationInstance
{
    /// <summary>Puts a placeholder on the disk.</summary>
    /// <param name="path">Relative to the root. Its last name is the spelling that the tool will see.</param>
    /// <param name="entry">What it is.</param>
    /// <param name="contentId">Comes back with the question for its content, wherever the file is then.</param>
    int WritePlaceholder(string path, in ProjectedEntry entry, long contentId);

    /// <summary>Fills a part of a file. Only for a pending <see cref="IProjectionCallbacks.GetFileData"/>.</summary>
    /// <param name="stream">The file, as the question named it.</param>
    /// <param name="source">Reads the content into a buffer, at an offset; returns how much.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">How many bytes; the source must have them all.</param>
    /// <param name="cancellationToken">Stops between two writes.</param>
    /// <exception cref="EndOfStreamException">The source has fewer bytes.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    int WriteFileData(Guid stream, ReadContent source, long offset, long length, CancellationToken cancellationToken);

    /// <summary>Answers a pending command.</summary>
    void Complete(int commandId, int result);

    /// <summary>
    /// Stops answering, and waits for callbacks that run; not for commands that are pending, which must all be answered before. Never
    /// from a callback.
    /// </summary>
    void Stop();
}

/// <summary>Reads content from an offset into a buffer; returns how many bytes, 0 at the end.</summary>
internal delegate int ReadContent(Span<byte> buffer, long offset);

/// <summary>A question of the file system.</summary>
/// <param name="Id">The number by which it is completed or cancelled.</param>
/// <param name="Path">Relative to the root, with '\'; empty: the root.</param>
internal readonly record struct ProjectedCommand(int Id, string Path);

/// <summary>What a placeholder or a line of a listing says.</summary>
/// <param name="IsDirectory">It is one; a link to one is one too.</param>
/// <param name="SizeBytes">Length of a file's content.</param>
/// <param name="FileTime">When it was written, in 100 ns since 1601.</param>
/// <param name="Attributes">FILE_ATTRIBUTE_*.</param>
/// <param name="LinkTarget">For a link: where it leads to.</param>
internal readonly record struct ProjectedEntry(bool IsDirectory, long SizeBytes, long FileTime, uint Attributes, string? LinkTarget);

/// <summary>A buffer for lines of a listing. Valid during the callback.</summary>
internal interface IDirectoryBuffer
{
    /// <summary>Adds a line; <see cref="HResult.InsufficientBuffer"/> when it is full.</summary>
    int Add(string name, in ProjectedEntry entry);
}

/// <summary>
/// What the file system asks a provider. Called by its threads, many at once; no exception may come out. An answer of
/// <see cref="HResult.IoPending"/> is a promise to call <see cref="IVirtualizationInstance.Complete"/>.
/// </summary>
internal interface IProjectionCallbacks
{
    /// <summary>A handle begins to list a directory. May be pending.</summary>
    int StartEnumeration(in ProjectedCommand command, Guid enumeration);

    /// <summary>The next lines, in the order of <see cref="IProjFs.CompareNames"/>.</summary>
    int GetEnumeration(in ProjectedCommand command, Guid enumeration, string? pattern, bool restart, bool single, IDirectoryBuffer buffer);

    /// <summary>The handle is closed. Does not always come.</summary>
    int EndEnumeration(Guid enumeration);

    /// <summary>A path is opened that is not on the disk: write its placeholder. May be pending.</summary>
    int GetPlaceholder(in ProjectedCommand command);

    /// <summary>Content is read that is not on the disk. May be pending.</summary>
    /// <param name="command">The path is where the file is now, or where it was first.</param>
    /// <param name="stream">The file, for <see cref="IVirtualizationInstance.WriteFileData"/>.</param>
    /// <param name="contentId">What the placeholder was written with; null when it has none of ours.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">How many.</param>
    int GetFileData(in ProjectedCommand command, Guid stream, long? contentId, long offset, long length);

    /// <summary>Whether there is anything at a path. May be pending.</summary>
    int QueryName(in ProjectedCommand command);

    /// <summary>Something happens, or has happened. An answer other than <see cref="HResult.Ok"/> refuses what is about to happen.</summary>
    int Notify(in ProjectedCommand command, PrjNotifyTypes what, string? destination, bool isDirectory);

    /// <summary>Nobody waits for a command any more. It may be complete already.</summary>
    void Cancel(int commandId);
}
