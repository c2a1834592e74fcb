using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

/// <summary>The files of something that is ready before it is known whose files they are. Safe for concurrent use.</summary>
internal sealed class LateFiles : IFileSource
{
    private IFileSource? _files;

    /// <summary>Says whose they are, before anybody looks.</summary>
    public void Begin(IFileSource files) => Volatile.Write(ref _files, files);

    /// <inheritdoc/>
    public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) => Files.FindAsync(path, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
        Files.ListAsync(directory, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken) => Files.OpenAsync(file, cancellationToken);

    private IFileSource Files => Volatile.Read(ref _files)
        ?? throw new ReprException(ReprErrorCode.Internal, "A sandbox asks for files before anything runs in it.");
}
