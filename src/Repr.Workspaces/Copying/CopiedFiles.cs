using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Copying;

/// <summary>A part of a source, written out as plain files.</summary>
/// <param name="source">Where it comes from.</param>
/// <param name="directory">The directory that stands for "/".</param>
/// <param name="owner">Who owns what is written; null: this process's user.</param>
[SupportedOSPlatform("linux")]
internal sealed class CopiedFiles(IFileSource source, string directory, (uint User, uint Group)? owner) : ILowerLayer
{
    private const int PermissionMask = 0x1FF; // no set-uid: for a moment it is root's file
    private const int CopyBufferLength = 1 << 20;

    private readonly Dictionary<VirtualPath, FileEntry> _entries = [];
    private readonly Dictionary<VirtualPath, List<string>> _names = [];

    /// <inheritdoc/>
    public FileEntry? Find(VirtualPath path) => _entries.GetValueOrDefault(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> Names(VirtualPath path) => _names.GetValueOrDefault(path) ?? [];

    /// <summary>Writes a path, what is below it, and each directory or link on the way. What is not there is left out.</summary>
    /// <exception cref="ReprException">The source did not answer.</exception>
    /// <exception cref="IOException">There is no space, or writing failed.</exception>
    public async Task CopyAsync(VirtualPath root, CancellationToken cancellationToken)
    {
        VirtualPath path = VirtualPath.Root;
        foreach (string name in root.Text.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            path = path.Append(name);
            if (!_entries.TryGetValue(path, out FileEntry? entry))
            {
                entry = await source.FindAsync(path, cancellationToken);
                if (entry is null)
                {
                    return;
                }

                await WriteAsync(path, entry, cancellationToken);
            }

            if (entry.Kind != FileKind.Directory)
            {
                return; // a file, or a link: what it points to is named by a root of its own
            }
        }

        await CopyBelowAsync(path, cancellationToken);
    }

    /// <summary>Gives directories the permissions and times that writing into them would have disturbed.</summary>
    public void Seal()
    {
        foreach ((VirtualPath path, FileEntry entry) in _entries.OrderByDescending(pair => pair.Key.Text.Length))
        {
            if (entry.Kind == FileKind.Directory)
            {
                string local = Local(path);
                Directory.SetLastWriteTimeUtc(local, TimeOf(entry));
                File.SetUnixFileMode(local, (UnixFileMode)(entry.Mode & PermissionMask));
            }
        }
    }

    private static DateTime TimeOf(FileEntry entry) => DateTime.UnixEpoch.AddTicks(entry.ModifiedNs / TimeSpan.NanosecondsPerTick);

    private async Task CopyBelowAsync(VirtualPath parent, CancellationToken cancellationToken)
    {
        foreach (FileEntry entry in await source.ListAsync(parent, cancellationToken))
        {
            VirtualPath path = parent.Append(entry.Name);
            if (!_entries.ContainsKey(path))
            {
                await WriteAsync(path, entry, cancellationToken);
            }

            if (entry.Kind == FileKind.Directory)
            {
                await CopyBelowAsync(path, cancellationToken);
            }
        }
    }

    private async Task WriteAsync(VirtualPath path, FileEntry entry, CancellationToken cancellationToken)
    {
        string local = Local(path);
        switch (entry.Kind)
        {
            case FileKind.Directory:
                Directory.CreateDirectory(local, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                break;
            case FileKind.Symlink:
                File.CreateSymbolicLink(local, entry.LinkTarget ?? "");
                File.SetLastWriteTimeUtc(local, TimeOf(entry)); // of the link, not of what it points to
                break;
            default:
                await WriteFileAsync(path, local, entry, cancellationToken);
                break;
        }

        if (owner is { } identity)
        {
            WorkspaceNative.ChangeOwner(local, identity.User, identity.Group);
        }

        _entries.Add(path, entry);
        if (!_names.TryGetValue(path.Parent, out List<string>? names))
        {
            _names.Add(path.Parent, names = []);
        }

        names.Add(entry.Name);
    }

    private async Task WriteFileAsync(VirtualPath path, string local, FileEntry entry, CancellationToken cancellationToken)
    {
        using SafeFileHandle from = await source.OpenAsync(path, cancellationToken);
        using SafeFileHandle to = File.OpenHandle(local, FileMode.CreateNew, FileAccess.Write, preallocationSize: entry.SizeBytes);
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(CopyBufferLength);
        long offset = 0;
        int read;
        while ((read = await RandomAccess.ReadAsync(from, buffer, offset, cancellationToken)) > 0)
        {
            await RandomAccess.WriteAsync(to, buffer.AsMemory(0, read), offset, cancellationToken);
            offset += read;
        }

        System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        File.SetLastWriteTimeUtc(to, TimeOf(entry));
        File.SetUnixFileMode(to, (UnixFileMode)(entry.Mode & PermissionMask));
    }

    private string Local(VirtualPath path) => path.IsRoot ? directory : directory + path.Text;
}
