using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Files;

/// <summary>
/// Tells whether anything has changed in a set of directories (inotify(7)) or in the table of mounts (proc(5)), so that what is known
/// of them need not be looked at again. The kernel queues an event before the call that makes the change returns: a change that was
/// made before <see cref="Version"/> was read is in it. Not seen are changes through a shared mapping of memory, and through a hard
/// link in another directory: do not rely on it for files that have more than one link. Safe for concurrent use.
/// </summary>
internal sealed class TreeWatch : IDisposable
{
    private const int MaximumDirectories = 8192;

    // Changes on these are made on this machine: ext2 to 4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS, SquashFS, EROFS (statfs(2)).
    private static readonly long[] s_localFileSystems =
        [0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630, 0xF2F52010, 0x2FC12FC1, 0x73717368, 0xE0F5E1E2];

    private readonly SafeFileHandle _queue;
    private readonly SafeFileHandle _mounts;
    private readonly Dictionary<int, uint> _watched = [];
    private readonly byte[] _events = new byte[1 << 14];
    private readonly Lock _lock = new();
    private long _version;

    private TreeWatch(SafeFileHandle queue, SafeFileHandle mounts)
    {
        _queue = queue;
        _mounts = mounts;
    }

    /// <summary>How many times something was found to have changed. The same as before: nothing has.</summary>
    public long Version
    {
        get
        {
            lock (_lock)
            {
                if (TreeWatchNative.HasNews(_queue, _mounts))
                {
                    while (TreeWatchNative.Read(_queue, _events) > 0)
                    {
                        // What it was does not matter.
                    }

                    _version++;
                }

                return _version;
            }
        }
    }

    /// <summary>Makes one that watches nothing yet; null when the system has no more of them, or no table of mounts.</summary>
    public static TreeWatch? TryCreate()
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        SafeFileHandle queue = TreeWatchNative.Create();
        try
        {
            return queue.IsInvalid ? null : new TreeWatch(queue, File.OpenHandle("/proc/self/mounts"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            queue.Dispose();
            return null;
        }
    }

    /// <summary>Watches a directory.</summary>
    /// <param name="directory">A physical path.</param>
    /// <param name="withFiles">The content of its files counts too, not only its names and attributes.</param>
    /// <param name="isNew">Whether changes before this call may have been missed.</param>
    /// <returns>False when changes there can't be relied on to be seen.</returns>
    public bool TryAdd(VirtualPath directory, bool withFiles, out bool isNew)
    {
        isNew = false;
        try
        {
            using SafeFileHandle? handle = LinuxNative.TryOpenDirectory(null, directory.Text[1..]);
            if (handle is null || !s_localFileSystems.Contains(LinuxNative.FileSystemType(handle)))
            {
                return false;
            }
        }
        catch (IOException)
        {
            return false;
        }

        lock (_lock)
        {
            uint changes = withFiles ? TreeWatchNative.AllChanges : TreeWatchNative.NameChanges;
            int watch = _watched.Count < MaximumDirectories ? TreeWatchNative.Add(_queue, directory.Text, changes) : -1;
            if (watch < 0)
            {
                return false;
            }

            uint before = _watched.GetValueOrDefault(watch);
            _watched[watch] = before | changes;
            isNew = (before | changes) != before;
            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        _mounts.Dispose();
    }
}
