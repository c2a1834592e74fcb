using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Tests.ProjFs;

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
