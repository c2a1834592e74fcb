using System.Runtime.InteropServices;

namespace Repr.Cas;

/// <summary>The calls of POSIX and Linux that the base library has no method for. Names and layouts are those of the man pages.</summary>
internal static unsafe partial class PosixNative
{
    private const int ReadOnlyDirectoryCloseOnExec = 0x10000 | 0x80000; // O_RDONLY | O_DIRECTORY | O_CLOEXEC on x86-64
    private const int ReadOnlyDirectoryCloseOnExecArm = 0x4000 | 0x80000; // the same on arm64
    private const int AtEmptyPath = 0x1000;
    private const uint BasicStats = 0x7ff;
    private const int StatxLength = 256;

    /// <summary>
    /// Moves a file within its file system to where nothing is, by link(2) and unlink(2): rename(2) would wait for others
    /// (see <see cref="StoreDirectory"/>).
    /// </summary>
    /// <returns>False when it can't be, for whatever reason; then it is where it was.</returns>
    internal static bool TryMove(string from, string to)
    {
        if (link(from, to) != 0)
        {
            return false;
        }

        if (unlink(from) == 0)
        {
            return true;
        }

        _ = unlink(to);
        return false;
    }

    /// <summary>Makes an open file this user's own, fchown(2).</summary>
    /// <returns>False when this user may not.</returns>
    internal static bool TryTakeOwnership(SafeHandle file)
    {
        bool added = false;
        try
        {
            file.DangerousAddRef(ref added);
            return fchown((int)file.DangerousGetHandle(), geteuid(), getegid()) == 0;
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>Number of names and owner of an open file, statx(2).</summary>
    /// <exception cref="IOException">The call failed.</exception>
    internal static (uint Links, uint UserId) Stat(SafeHandle file)
    {
        byte* buffer = stackalloc byte[StatxLength];
        bool added = false;
        try
        {
            file.DangerousAddRef(ref added);
            if (statx((int)file.DangerousGetHandle(), "", AtEmptyPath, BasicStats, buffer) != 0)
            {
                throw new IOException($"statx failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
            }
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }

        return (*(uint*)(buffer + 0x10), *(uint*)(buffer + 0x14));
    }

    /// <summary>Flushes a directory, so that the names in it outlive a crash of the machine.</summary>
    /// <exception cref="IOException">The call failed.</exception>
    internal static void FlushDirectory(string path)
    {
        int flags = RuntimeInformation.ProcessArchitecture == Architecture.Arm64
            ? ReadOnlyDirectoryCloseOnExecArm
            : ReadOnlyDirectoryCloseOnExec;
        int fd = open(path, flags);
        if (fd < 0)
        {
            throw new IOException($"Could not open {path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }

        int result = fsync(fd);
        int error = Marshal.GetLastPInvokeError();
        _ = close(fd);
        if (result != 0)
        {
            throw new IOException($"Could not flush {path}: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    [LibraryImport("libc")]
    internal static partial uint geteuid();

    [LibraryImport("libc")]
    private static partial uint getegid();

    [LibraryImport("libc")]
    private static partial int fchown(int fd, uint user, uint group);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string existing, string added);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);
}
