using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Tests.ProjFs;

/// <summary>Keeps the last content that was opened, so that its closing can be seen. Heeds no cancellation when it opens.</summary>
internal sealed class CapturingSource(IFileSource source) : IFileSource
{
    private volatile SafeFileHandle? _handle;

    /// <summary>The content; null before one was opened.</summary>
    public SafeFileHandle? Handle => _handle;

    public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) => source.FindAsync(path, cancellationToken);

    public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
        source.ListAsync(directory, cancellationToken);

    public async ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken) =>
        _handle = await source.OpenAsync(file, CancellationToken.None);
}

/// <summary>A source whose answers come later, on another thread: every command of the file system is pending.</summary>
internal sealed class LateSource(IFileSource source) : IFileSource
{
    public async ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        await Task.Yield();
        return await source.FindAsync(path, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken)
    {
        await Task.Yield();
        return await source.ListAsync(directory, cancellationToken);
    }

    public async ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken)
    {
        await Task.Yield();
        return await source.OpenAsync(file, cancellationToken);
    }
}
