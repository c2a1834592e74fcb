using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.ProjFs;

/// <summary>
/// Reads what an action changed out of its staging directory. The state on the disk decides (PrjGetOnDiskFileState):
/// <list type="bullet">
/// <item>A file that is full or dirty is reported, even when its content is what it was; so is one that was written to or renamed.</item>
/// <item>A full directory is reported when the requester had none there; if he had, each of his names that is not in it is deleted.</item>
/// <item>A tombstone of something that the requester has is a deletion. A rename is a deletion and a new entry.</item>
/// <item>A link is reported when the requester has none, or another one.</item>
/// <item>Alternate streams are no results: the file is returned without them.</item>
/// </list>
/// This process sees the directory raw: the file system projects nothing into it, and shows it placeholders and tombstones.
/// </summary>
internal sealed class StagingChanges(string root, IProjFs fileSystem, ProjectedSource source, StagingNotes notes)
{
    private const int NewFileMode = 0x1A4; // 0o644
    private const int NewDirectoryMode = 0x1ED; // 0o755
    private const int WriteBits = 0x92; // 0o222
    private const int PermissionMask = 0x1FF;

    private readonly List<WorkspaceChange> _changes = [];
    private readonly HashSet<VirtualPath> _deletions = [];

    /// <summary>All changes, parents before children.</summary>
    /// <exception cref="ReprException">The source does not know what was there before, or a changed path is none that it can have.</exception>
    /// <exception cref="IOException">The directory could not be read.</exception>
    public async Task<IReadOnlyList<WorkspaceChange>> CollectAsync(CancellationToken cancellationToken)
    {
        foreach (string drive in Directory.EnumerateDirectories(root).Where(path => WindowsName.IsDrive(Path.GetFileName(path))))
        {
            string name = Path.GetFileName(drive);
            ProjectedNode? before = await source.FindAsync(name, cancellationToken);
            VirtualPath path = before?.Path ?? VirtualPath.Root.Append(char.ToUpperInvariant(name[0]) + ":");
            await CollectDirectoryAsync(name, drive, path, null, cancellationToken);
        }

        foreach (string path in notes.AllDeleted()) // in case this process is not shown their tombstones
        {
            if (IsGone(path))
            {
                await DeleteAsync(path, cancellationToken);
            }
        }

        HashSet<VirtualPath> noDirectories = [.. _changes.Where(change => change.Kind != FileKind.Directory).Select(change => change.Path)];
        _changes.RemoveAll(change => change.Kind is null && IsBelow(change.Path, noDirectories));
        _changes.Sort((left, right) => left.Path.CompareTo(right.Path));
        return _changes;
    }

    // 'covered': the requester's directory that this one, which is not a placeholder of it, has replaced.
    private async Task CollectDirectoryAsync(
        string relative, string local, VirtualPath path, ProjectedNode? covered, CancellationToken cancellationToken)
    {
        HashSet<ProjectedNode> present = [];
        foreach (FileSystemInfo info in new DirectoryInfo(local).EnumerateFileSystemInfos().OrderBy(info => info.Name, StringComparer.Ordinal))
        {
            string child = $@"{relative}\{info.Name}";
            ProjectedNode? before = await source.FindAsync(child, cancellationToken);
            if (before is not null)
            {
                present.Add(before);
            }

            PrjFileState state = StateOf(info);
            if (state.HasFlag(PrjFileState.Tombstone))
            {
                await DeleteAsync(child, cancellationToken);
                continue;
            }

            await CollectEntryAsync(child, info, state, before?.Path ?? path.Append(info.Name), before, cancellationToken);
        }

        foreach (ProjectedNode node in covered is null ? [] : await source.ListAsync(covered, cancellationToken))
        {
            if (!present.Contains(node))
            {
                Delete(node.Path);
            }
        }
    }

    private async Task CollectEntryAsync(
        string relative, FileSystemInfo info, PrjFileState state, VirtualPath path, ProjectedNode? before, CancellationToken cancellationToken)
    {
        if (info.LinkTarget is { } target)
        {
            bool isTheirs = before is { File.Kind: FileKind.Symlink }
                && (await source.DescribeAsync(before, cancellationToken)).LinkTarget == target.Replace('/', '\\');
            if (!isTheirs)
            {
                _changes.Add(new WorkspaceChange(path, FileKind.Symlink, PermissionMask, LinkTarget: target));
            }
        }
        else if (info is DirectoryInfo)
        {
            bool isFull = state.HasFlag(PrjFileState.Full);
            bool isNew = isFull && before is not { IsDirectory: true };
            if (isNew)
            {
                _changes.Add(new WorkspaceChange(path, FileKind.Directory, NewDirectoryMode));
            }

            await CollectDirectoryAsync(relative, info.FullName, path, isFull && !isNew ? before : null, cancellationToken);
        }
        else if ((state & (PrjFileState.Full | PrjFileState.DirtyPlaceholder)) != 0 || before is null || notes.IsWritten(relative))
        {
            if ((state & (PrjFileState.Full | PrjFileState.HydratedPlaceholder)) == 0)
            {
                await MaterialiseAsync(relative, info.FullName, cancellationToken);
            }

            int mode = before is { File.Kind: FileKind.File } ? before.File.Mode & PermissionMask : NewFileMode;
            bool isReadOnly = (File.GetAttributes(info.FullName) & FileAttributes.ReadOnly) != 0;
            _changes.Add(new WorkspaceChange(path, FileKind.File, isReadOnly ? mode & ~WriteBits : mode | 0x80, LocalPath: info.FullName));
        }
    }

    // A placeholder that was renamed or got another time, but was never read: its content is still the requester's alone.
    private async Task MaterialiseAsync(string relative, string local, CancellationToken cancellationToken)
    {
        string origin = notes.OriginOf(relative);
        ProjectedNode node = await source.FindAsync(origin, cancellationToken)
            ?? throw new ReprException(ReprErrorCode.Internal, $"'{relative}' in '{root}' has no content, and '{origin}' is not the requester's.");
        using SafeFileHandle content = await source.OpenAsync(node, cancellationToken);
        DateTime modified = File.GetLastWriteTimeUtc(local);
        File.SetAttributes(local, FileAttributes.Normal);
        File.Delete(local);
        await using (FileStream to = new(local, FileMode.CreateNew, FileAccess.Write))
        await using (FileStream from = new(content, FileAccess.Read))
        {
            await from.CopyToAsync(to, cancellationToken);
        }

        File.SetLastWriteTimeUtc(local, modified);
    }

    private PrjFileState StateOf(FileSystemInfo info)
    {
        int result = fileSystem.GetState(info.FullName, out PrjFileState state);
        return result < 0 ? throw new IOException($"The state of '{info.FullName}' could not be read (0x{result:X8}).", result)
            : state == PrjFileState.None ? PrjFileState.Full
            : state;
    }

    private bool IsGone(string relative)
    {
        string local = Path.Combine([root, .. relative.Split('\\')]);
        return fileSystem.GetState(local, out PrjFileState state) < 0 || state.HasFlag(PrjFileState.Tombstone);
    }

    private async ValueTask DeleteAsync(string relative, CancellationToken cancellationToken)
    {
        if (await source.FindAsync(relative, cancellationToken) is { } before)
        {
            Delete(before.Path);
        }
    }

    private void Delete(VirtualPath path)
    {
        if (_deletions.Add(path))
        {
            _changes.Add(new WorkspaceChange(path, null, 0));
        }
    }

    private static bool IsBelow(VirtualPath path, HashSet<VirtualPath> others)
    {
        for (VirtualPath parent = path.Parent; !parent.IsRoot; parent = parent.Parent)
        {
            if (others.Contains(parent))
            {
                return true;
            }
        }

        return false;
    }
}
