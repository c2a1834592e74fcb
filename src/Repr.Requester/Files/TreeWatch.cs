using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Files;

/// <summary>
/// Tells whether anything that matters has changed in a set of directories (inotify(7)) or in the table of mounts (proc(5)), so that what is known
/// of them need not be looked at again. The kernel queues an event before the call that makes the change returns: a change that was
/// made before <see cref="Version"/> was read is in it. Not seen are changes through a shared mapping of memory, and through a hard
/// link in another directory: do not rely on it for files that have more than one link. Names are compared exactly, also where the file system does not. Safe
/// for concurrent use.
/// </summary>
internal sealed class TreeWatch : IDisposable
{
    private const int MaximumDirectories = 8192;

    // Changes on these are made on this machine: ext2 to 4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS, SquashFS, EROFS (statfs(2)).
    private static readonly long[] s_localFileSystems =
        [0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630, 0xF2F52010, 0x2FC12FC1, 0x73717368, 0xE0F5E1E2];

    private readonly SafeFileHandle _queue;
    private readonly SafeFileHandle _mounts;
    private readonly Dictionary<int, Watched> _watched = []; // by the kernel's number
    private readonly HashSet<VirtualPath> _busy = []; // never less: that a watch ended does not say that no other one is busy at its path
    private readonly byte[] _events = new byte[1 << 14];
    private readonly Lock _lock = new();
    private long _version;
    private long _additions;

    private TreeWatch(SafeFileHandle queue, SafeFileHandle mounts)
    {
        _queue = queue;
        _mounts = mounts;
    }

    /// <summary>How many times something that matters was found to have changed. The same as before: nothing has.</summary>
    public long Version
    {
        get
        {
            lock (_lock)
            {
                (bool hasEvents, bool hasOtherMounts) = TreeWatchNative.Look(_queue, _mounts);
                bool isNews = hasOtherMounts;
                while (hasEvents && TreeWatchNative.Read(_queue, _events) is > 0 and int size)
                {
                    isNews |= Take(_events.AsSpan(0, size));
                }

                return isNews ? ++_version : _version;
            }
        }
    }

    /// <summary>How many times <see cref="TryAdd"/> was called. Read it before <see cref="Version"/>, and that before what is to be watched is looked at.</summary>
    public long Additions
    {
        get
        {
            lock (_lock)
            {
                return _additions;
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
    /// <param name="interest">What of it matters, in addition to what did.</param>
    /// <param name="since"><see cref="Additions"/> before it was looked at.</param>
    /// <param name="isNew">Whether changes of it may have been missed since then: it did not matter yet.</param>
    /// <returns>False when changes there can't be relied on to be seen.</returns>
    public bool TryAdd(VirtualPath directory, DirectoryInterest interest, long since, out bool isNew)
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
            uint changes = interest.Files ? TreeWatchNative.AllChanges : TreeWatchNative.NameChanges;
            int number = _watched.Count < MaximumDirectories ? TreeWatchNative.Add(_queue, directory.Text, changes) : -1;
            if (number < 0)
            {
                return false;
            }

            if (!_watched.TryGetValue(number, out Watched? watched))
            {
                _watched.Add(number, watched = new Watched());
            }

            // Somebody else may have made it matter meanwhile.
            isNew = watched.Widen(directory, interest, ++_additions) > since;
            return true;
        }
    }

    /// <summary>
    /// Whether entries that do not matter have come and gone in a directory whose time does, as they do in a home directory. What else comes and goes there
    /// is no news any more: its own time is to be looked at each time.
    /// </summary>
    public bool IsBusy(VirtualPath directory)
    {
        lock (_lock)
        {
            return _busy.Contains(directory);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        _mounts.Dispose();
    }

    // Events are struct inotify_event: the watch's number, what happened, a cookie, the length of the name and the name, with zeros at its end.
    private bool Take(ReadOnlySpan<byte> events)
    {
        const int HeaderBytes = 16;
        bool isNews = false;
        while (events.Length >= HeaderBytes)
        {
            int number = MemoryMarshal.Read<int>(events);
            uint change = MemoryMarshal.Read<uint>(events[4..]);
            int end = HeaderBytes + MemoryMarshal.Read<int>(events[12..]);
            isNews |= IsNews(number, change, events[HeaderBytes..end].TrimEnd((byte)0));
            events = events[end..];
        }

        return isNews;
    }

    private bool IsNews(int number, uint change, ReadOnlySpan<byte> name)
    {
        if (!_watched.TryGetValue(number, out Watched? watched))
        {
            return true; // events were lost (IN_Q_OVERFLOW, whose number is -1)
        }

        if ((change & TreeWatchNative.Ignored) != 0)
        {
            _watched.Remove(number);
            return true;
        }

        if (name.IsEmpty || watched.Matters(name))
        {
            return true;
        }

        if ((change & TreeWatchNative.EntryChanges) == 0)
        {
            return watched.HasFiles; // a file that matters may have got a second name here
        }

        if (!watched.HasTime || watched.IsBusy)
        {
            return false;
        }

        watched.IsBusy = true;
        _busy.UnionWith(watched.Paths.Keys);
        return true; // this once: what was made until now has the directory's time in it
    }

    // One directory, which may have several paths. What matters of it, each with the addition that made it so.
    private sealed class Watched
    {
        private readonly Dictionary<string, long> _names = new(StringComparer.Ordinal);
        private long? _allNames;
        private long? _files;
        private long? _time;

        public Dictionary<VirtualPath, long> Paths { get; } = [];

        public bool HasFiles => _files is not null;

        public bool HasTime => _time is not null;

        public bool IsBusy { get; set; }

        public bool Matters(ReadOnlySpan<byte> name)
        {
            Span<char> text = stackalloc char[VirtualPath.MaximumNameLength];
            return _allNames is not null
                || name.Length > text.Length
                || _names.GetAlternateLookup<ReadOnlySpan<char>>().ContainsKey(text[..Encoding.UTF8.GetChars(name, text)]);
        }

        // The last addition that made something of the interest matter.
        public long Widen(VirtualPath path, DirectoryInterest interest, long addition)
        {
            if (Paths.TryAdd(path, addition))
            {
                IsBusy = false; // not by this path yet
            }

            long last = Paths[path];
            foreach (string name in interest.Names)
            {
                _names.TryAdd(name, addition);
                last = Math.Max(last, Math.Min(_names[name], _allNames ?? long.MaxValue));
            }

            return Math.Max(
                Math.Max(last, interest.AllNames ? _allNames ??= addition : 0),
                Math.Max(interest.Files ? _files ??= addition : 0, interest.Time ? _time ??= addition : 0));
        }
    }
}
