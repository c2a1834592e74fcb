using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Files;

/// <summary>
/// The Linux calls that the base library does not offer: statx(2), openat2(2) and the *at family. Paths are UTF-8. Safe for
/// concurrent use. Failures are <see cref="IOException"/> with the system's text, unless a member says otherwise.
/// </summary>
internal static partial class LinuxNative
{
    public const int CurrentDirectory = -100; // AT_FDCWD

    private const int NoSuchEntry = 2; // ENOENT
    private const int AlreadyExists = 17; // EEXIST
    private const int NotADirectory = 20; // ENOTDIR

    private const int AtSymlinkNoFollow = 0x100;
    private const int AtEmptyPath = 0x1000;
    private const int AtRemoveDirectory = 0x200;
    private const uint StatxBasicStats = 0x7ff;

    private const int ReadOnly = 0;
    private const int ReadWrite = 2;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int PathOnly = 0x200000; // O_PATH

    private const ulong ResolveNoMagicLinks = 0x02;
    private const ulong ResolveNoSymlinks = 0x04;
    private const ulong ResolveBeneath = 0x08;
    private const nint OpenAt2Number = 437; // the same on all architectures

    // O_DIRECTORY and O_NOFOLLOW have swapped places on ARM.
    private static int DirectoryOnly => IsArm ? 0x4000 : 0x10000;

    private static int NoFollow => IsArm ? 0x8000 : 0x20000;

    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    /// <summary>lstat(2) with nanoseconds; null when there is nothing (also when a parent is not a directory).</summary>
    public static FileStat? TryStat(string path)
    {
        if (Statx(CurrentDirectory, path, AtSymlinkNoFollow, StatxBasicStats, out StatxBuffer buffer) == 0)
        {
            return buffer.ToStat();
        }

        int error = Marshal.GetLastPInvokeError();
        return error is NoSuchEntry or NotADirectory ? null : throw Failure(error, "read the attributes of", path);
    }

    /// <summary>As <see cref="TryStat(string)"/>, for a name in an open directory.</summary>
    public static FileStat? TryStat(SafeFileHandle directory, string name)
    {
        using HandleScope scope = new(directory);
        if (Statx(scope.Descriptor, name, AtSymlinkNoFollow, StatxBasicStats, out StatxBuffer buffer) == 0)
        {
            return buffer.ToStat();
        }

        int error = Marshal.GetLastPInvokeError();
        return error is NoSuchEntry or NotADirectory ? null : throw Failure(error, "read the attributes of", name);
    }

    /// <summary>fstat(2) with nanoseconds.</summary>
    public static FileStat Stat(SafeFileHandle handle)
    {
        using HandleScope scope = new(handle);
        return Statx(scope.Descriptor, "", AtEmptyPath, StatxBasicStats, out StatxBuffer buffer) == 0
            ? buffer.ToStat()
            : throw Failure(Marshal.GetLastPInvokeError(), "read the attributes of", "an open file");
    }

    /// <summary>Text of a symbolic link that is open by handle (O_PATH) or, with a name, lies in an open directory.</summary>
    public static string ReadLink(SafeFileHandle handle, string name)
    {
        using HandleScope scope = new(handle);
        return ReadLink(scope.Descriptor, name);
    }

    /// <summary>Text of a symbolic link.</summary>
    public static string ReadLink(string path) => ReadLink(CurrentDirectory, path);

    /// <summary>
    /// Opens a path below a directory (null: the root directory) for looking only: no link is followed, neither on the way nor
    /// at the end, and nothing leaves the directory. Null when there is nothing.
    /// </summary>
    public static SafeFileHandle? TryOpenPath(SafeFileHandle? directory, string relativePath) =>
        TryOpenBeneath(directory, relativePath, PathOnly | NoFollow);

    /// <summary>As <see cref="TryOpenPath"/>, for reading the content of a file; never waits for a writer of a pipe.</summary>
    public static SafeFileHandle? TryOpenFile(SafeFileHandle? directory, string relativePath) =>
        TryOpenBeneath(directory, relativePath, ReadOnly | NoFollow | NonBlocking);

    /// <summary>As <see cref="TryOpenPath"/>, for a directory.</summary>
    public static SafeFileHandle? TryOpenDirectory(SafeFileHandle? directory, string relativePath) =>
        TryOpenBeneath(directory, relativePath, ReadOnly | NoFollow | DirectoryOnly);

    /// <summary>Makes a new file in an open directory, readable and writable by us alone. An existing name is an error.</summary>
    public static SafeFileHandle CreateFile(SafeFileHandle directory, string name)
    {
        using HandleScope scope = new(directory);
        int descriptor = OpenAt(scope.Descriptor, name, ReadWrite | Create | Exclusive | NoFollow | CloseOnExec, 0x180);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, true) : throw Failure(Marshal.GetLastPInvokeError(), "create", name);
    }

    /// <summary>Makes a directory in an open directory; an existing one is left as it is.</summary>
    public static void CreateDirectory(SafeFileHandle directory, string name)
    {
        using HandleScope scope = new(directory);
        if (MkdirAt(scope.Descriptor, name, 0x1FF) != 0 && Marshal.GetLastPInvokeError() is int error and not AlreadyExists)
        {
            throw Failure(error, "create the directory", name);
        }
    }

    /// <summary>Makes a symbolic link in an open directory. An existing name is an error.</summary>
    public static void CreateSymlink(SafeFileHandle directory, string name, string target)
    {
        using HandleScope scope = new(directory);
        if (SymlinkAt(target, scope.Descriptor, name) != 0)
        {
            throw Failure(Marshal.GetLastPInvokeError(), "create the link", name);
        }
    }

    /// <summary>Sets when a name in an open directory was changed, also of a link itself (utimensat(2)).</summary>
    public static unsafe void SetTime(SafeFileHandle directory, string name, DateTime modified)
    {
        using HandleScope scope = new(directory);
        (long seconds, long ticks) = Math.DivRem((modified - DateTime.UnixEpoch).Ticks, TimeSpan.TicksPerSecond);
        long* times = stackalloc long[] { seconds, ticks * 100, seconds, ticks * 100 };
        if (SetTimesAt(scope.Descriptor, name, times, AtSymlinkNoFollow) != 0)
        {
            throw Failure(Marshal.GetLastPInvokeError(), "set the time of", name);
        }
    }

    /// <summary>Renames a name of one open directory to a name of another, atomically; what was there is replaced.</summary>
    public static void Rename(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to)
    {
        using HandleScope source = new(fromDirectory);
        using HandleScope target = new(toDirectory);
        if (RenameAt(source.Descriptor, from, target.Descriptor, to) != 0)
        {
            throw Failure(Marshal.GetLastPInvokeError(), "replace", to);
        }
    }

    /// <summary>Removes a file, a link or an empty directory; nothing there is not an error.</summary>
    public static void Remove(SafeFileHandle directory, string name, bool isDirectory)
    {
        using HandleScope scope = new(directory);
        if (UnlinkAt(scope.Descriptor, name, isDirectory ? AtRemoveDirectory : 0) != 0
            && Marshal.GetLastPInvokeError() is int error and not NoSuchEntry)
        {
            throw Failure(error, "remove", name);
        }
    }

    /// <summary>The kind of the file system that holds an open file: f_type of statfs(2).</summary>
    public static long FileSystemType(SafeFileHandle handle)
    {
        using HandleScope scope = new(handle);
        return FStatFs(scope.Descriptor, out StatFsBuffer buffer) == 0 ? buffer.Type : 0;
    }

    /// <summary>The effective user of this process.</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetUserId();

    /// <summary>Whether entries of a directory can be made and removed by this process's effective user (faccessat(2)).</summary>
    public static bool IsWritable(SafeFileHandle directory)
    {
        const int WriteAndSearch = 2 | 1; // W_OK | X_OK
        const int Effective = 0x200; // AT_EACCESS
        using HandleScope scope = new(directory);
        return FAccessAt(scope.Descriptor, ".", WriteAndSearch, Effective) == 0;
    }

    /// <summary>Whether the other side of a connected socket is gone (poll(2)).</summary>
    public static bool HasHungUp(SafeHandle socket)
    {
        const short HangUps = 0x2000 | 0x10 | 0x8; // POLLRDHUP, POLLHUP, POLLERR
        using HandleScope scope = new(socket);
        PollDescriptor descriptor = new() { Descriptor = scope.Descriptor, Events = HangUps };
        return Poll(ref descriptor, 1, 0) > 0 && (descriptor.ReturnedEvents & HangUps) != 0;
    }

    /// <summary>The effective group of this process.</summary>
    [LibraryImport("libc", EntryPoint = "getegid")]
    public static partial uint GetGroupId();

    /// <summary>Leaves the terminal's session (setsid(2)); -1 when this process leads a group already.</summary>
    [LibraryImport("libc", EntryPoint = "setsid")]
    public static partial int LeaveTerminal();

    private static SafeFileHandle? TryOpenBeneath(SafeFileHandle? directory, string relativePath, int flags)
    {
        nint descriptor;
        if (directory is null)
        {
            descriptor = OpenAt2(CurrentDirectory, "/" + relativePath, flags, ResolveNoSymlinks | ResolveNoMagicLinks); // nothing is above the root
        }
        else
        {
            using HandleScope scope = new(directory);
            descriptor = OpenAt2(scope.Descriptor, relativePath.Length == 0 ? "." : relativePath, flags, ResolveBeneath | ResolveNoSymlinks | ResolveNoMagicLinks);
        }

        if (descriptor >= 0)
        {
            return new SafeFileHandle(descriptor, true);
        }

        int error = (int)-descriptor;
        return error is NoSuchEntry or NotADirectory ? null : throw Failure(error, "open", relativePath);
    }

    // As the kernel itself answers: a descriptor, or the error below zero.
    private static nint OpenAt2(int directory, string path, int flags, ulong resolve)
    {
        OpenHow how = new() { Flags = (ulong)(uint)(flags | CloseOnExec), Resolve = resolve };
        nint descriptor = OpenAt2(OpenAt2Number, directory, path, in how, (nuint)Marshal.SizeOf<OpenHow>());
        return descriptor >= 0 ? descriptor : -Marshal.GetLastPInvokeError();
    }

    private static unsafe string ReadLink(int directory, string name)
    {
        byte* buffer = stackalloc byte[VirtualPath.MaximumLength + 1];
        nint length = ReadLinkAt(directory, name, buffer, VirtualPath.MaximumLength + 1);
        return length >= 0
            ? Encoding.UTF8.GetString(buffer, (int)length)
            : throw Failure(Marshal.GetLastPInvokeError(), "read the link", name);
    }

    private static IOException Failure(int error, string what, string path) =>
        new($"Could not {what} '{path}': {new Win32Exception(error).Message}.", error);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, out StatxBuffer buffer);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenAt2(nint number, int directory, string path, in OpenHow how, nuint size);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int directory, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MkdirAt(int directory, string path, uint mode);

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SymlinkAt(string target, int directory, string path);

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int SetTimesAt(int directory, string name, long* times, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt(int fromDirectory, string from, int toDirectory, string to);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkAt(int directory, string path, int flags);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial nint ReadLinkAt(int directory, string path, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "faccessat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FAccessAt(int directory, string path, int mode, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static partial int FStatFs(int descriptor, out StatFsBuffer buffer);

    private readonly ref struct HandleScope : IDisposable
    {
        private readonly SafeHandle _handle;

        public HandleScope(SafeHandle handle)
        {
            bool added = false;
            handle.DangerousAddRef(ref added);
            _handle = handle;
            Descriptor = (int)handle.DangerousGetHandle();
        }

        public int Descriptor { get; }

        public void Dispose() => _handle.DangerousRelease();
    }

    // struct pollfd of poll.h
    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short ReturnedEvents;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct StatFsBuffer
    {
        public long Type;
    }

    // struct statx of linux/stat.h
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxBuffer
    {
        [FieldOffset(16)]
        public uint Links;
        [FieldOffset(20)]
        public uint UserId;
        [FieldOffset(28)]
        public ushort Mode;
        [FieldOffset(32)]
        public ulong Inode;
        [FieldOffset(40)]
        public ulong Size;
        [FieldOffset(96)]
        public long ChangedSeconds;
        [FieldOffset(104)]
        public uint ChangedNanoseconds;
        [FieldOffset(112)]
        public long ModifiedSeconds;
        [FieldOffset(120)]
        public uint ModifiedNanoseconds;
        [FieldOffset(136)]
        public uint DeviceMajor;
        [FieldOffset(140)]
        public uint DeviceMinor;

        public readonly FileStat ToStat() => new(
            ((ulong)DeviceMajor << 32) | DeviceMinor,
            Inode,
            Mode,
            (long)Size,
            (ModifiedSeconds * 1_000_000_000) + ModifiedNanoseconds,
            (ChangedSeconds * 1_000_000_000) + ChangedNanoseconds,
            UserId,
            Links);
    }
}
