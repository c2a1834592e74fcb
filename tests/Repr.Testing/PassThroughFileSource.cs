using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Testing;

/// <summary>Shows parts of this machine's file system: the roots, what is below them, and the directories on the way.</summary>
[SupportedOSPlatform("linux")]
public sealed class PassThroughFileSource(params IEnumerable<VirtualPath> roots) : IFileSource
{
    private readonly VirtualPath[] _roots = [.. roots];

    /// <inheritdoc/>
    public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        FileSystemInfo info = new FileInfo(path.Text);
        if (info.LinkTarget is null && Directory.Exists(path.Text))
        {
            info = new DirectoryInfo(path.Text);
        }

        return ValueTask.FromResult(
            IsVisible(path) && (info.Exists || info.LinkTarget is not null) ? EntryOf(path.Name, info) : null);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<FileEntry>>(
        [
            .. new DirectoryInfo(directory.Text).EnumerateFileSystemInfos()
                .Where(info => IsVisible(directory.Append(info.Name)))
                .Select(info => EntryOf(info.Name, info)),
        ]);

    /// <inheritdoc/>
    public ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken) =>
        IsVisible(file)
            ? ValueTask.FromResult(File.OpenHandle(file.Text))
            : throw new ReprException(ReprErrorCode.Refused, $"'{file}' is not shown.");

    private static FileEntry EntryOf(string name, FileSystemInfo info)
    {
        long modified = (info.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        return info.LinkTarget is { } target ? new FileEntry(name, FileKind.Symlink, target.Length, modified, 0x1FF, target)
            : info is DirectoryInfo ? new FileEntry(name, FileKind.Directory, 0, modified, (int)info.UnixFileMode)
            : new FileEntry(name, FileKind.File, ((FileInfo)info).Length, modified, (int)info.UnixFileMode);
    }

    private bool IsVisible(VirtualPath path) => Array.Exists(_roots, root => path.IsWithin(root) || root.IsWithin(path));
}
