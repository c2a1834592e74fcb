using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;

namespace Repr.Workspaces;

/// <summary>
/// Reads what a tool changed out of the upper directory of its overlayfs (kernel: Documentation/filesystems/overlayfs.rst).
/// </summary>
/// <remarks>
/// The result is the difference between the tool's world before and after, each path once:
/// <list type="bullet">
/// <item>A file or link in the upper layer is reported, even when its content is what it was: it was opened for writing.</item>
/// <item>A directory is reported when there was none at its path, or when its permission bits changed. A directory that is in the
/// upper layer only because something below it changed is not.</item>
/// <item>A whiteout (character device 0/0) is a deletion. So is each name of a directory that was deleted and made again
/// (attribute user.overlay.opaque) and that is not in the new one. A rename is a deletion and a new entry.</item>
/// <item>Sockets, pipes and devices are no results; they are left out with a line in the log.</item>
/// </list>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class UpperLayer(string directory, ILowerLayer lower, Command command, ILogger logger)
{
    private const int PermissionMask = 0x1FF;
    private const int TypeMask = 0xF000;
    private const int DirectoryType = 0x4000;
    private const int FileType = 0x8000;
    private const int LinkType = 0xA000;
    private const UnixFileMode OwnerRead = UnixFileMode.UserRead;
    private const UnixFileMode OwnerAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly VirtualPath[] s_private =
        [VirtualPath.Parse("/proc"), VirtualPath.Parse("/dev"), VirtualPath.Parse("/tmp")];

    private readonly List<WorkspaceChange> _changes = [];

    /// <summary>All changes, parents before children, names in ordinal order.</summary>
    /// <exception cref="IOException">The layer could not be read.</exception>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: a changed path is none that a requester can have.
    /// </exception>
    public IReadOnlyList<WorkspaceChange> Collect()
    {
        CollectDirectory(directory, VirtualPath.Root, coversLower: false);
        return _changes;
    }

    private void CollectDirectory(string local, VirtualPath path, bool coversLower)
    {
        HashSet<string> present = new(StringComparer.Ordinal);
        foreach (string entry in Directory.EnumerateFileSystemEntries(local).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(entry);
            present.Add(name);
            if (name.Contains('\uFFFD', StringComparison.Ordinal))
            {
                throw new ReprException(
                    ReprErrorCode.InvalidRequest, $"The tool made a name in '{path}' that is not UTF-8; such a file cannot be returned.");
            }

            CollectEntry(entry, path.Append(name), coversLower);
        }

        if (coversLower)
        {
            foreach (string name in lower.Names(path).Where(name => !present.Contains(name)).Order(StringComparer.Ordinal))
            {
                Add(new WorkspaceChange(path.Append(name), null, 0));
            }
        }
    }

    private void CollectEntry(string local, VirtualPath path, bool coversLower)
    {
        (int mode, bool isWhiteout) = WorkspaceNative.Stat(local);
        int permissions = mode & PermissionMask;
        switch (mode & TypeMask)
        {
            case DirectoryType:
                FileEntry? before = lower.Find(path);
                bool isNew = before is not { Kind: FileKind.Directory };
                if (isNew || (before!.Mode & PermissionMask) != permissions)
                {
                    Add(new WorkspaceChange(path, FileKind.Directory, permissions));
                }

                MakeAccessible(local, permissions, OwnerAll);
                bool isOpaque = coversLower || WorkspaceNative.HasAttribute(local, "user.overlay.opaque", "y");
                CollectDirectory(local, path, isOpaque && !isNew);
                break;
            case FileType:
                MakeAccessible(local, permissions, OwnerRead);
                Add(new WorkspaceChange(path, FileKind.File, permissions, LocalPath: local));
                break;
            case LinkType:
                Add(new WorkspaceChange(path, FileKind.Symlink, permissions, LinkTarget: new FileInfo(local).LinkTarget));
                break;
            default:
                if (isWhiteout)
                {
                    Add(new WorkspaceChange(path, null, 0));
                }
                else
                {
                    Log.SpecialFile(logger, path);
                }

                break;
        }
    }

    private void Add(WorkspaceChange change)
    {
        bool isPrivate = s_private.Any(change.Path.IsWithin);
        bool isMountPoint = s_private.Contains(change.Path); // made by the launcher, not by the tool
        if (!isPrivate || (!isMountPoint && command.OutputRoots.Any(change.Path.IsWithin)))
        {
            _changes.Add(change);
        }
    }

    // The tool may have locked its own files; a worker that is not root owns them and can open them again.
    private static void MakeAccessible(string local, int permissions, UnixFileMode needed)
    {
        UnixFileMode mode = (UnixFileMode)permissions;
        if ((mode & needed) != needed)
        {
            File.SetUnixFileMode(local, mode | needed);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "'{Path}' is neither file, directory nor link and is not returned.")]
        public static partial void SpecialFile(ILogger logger, VirtualPath path);
    }
}
