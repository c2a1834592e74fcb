using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

/// <summary>The system calls of a mount in this process's own namespace.</summary>
[SupportedOSPlatform("linux")]
internal static partial class MountNative
{
    private const int ReadWrite = 2;
    private const int CloseOnExec = 0x80000;
    private const int Detach = 2; // MNT_DETACH
    private const int NotConnected = 107; // ENOTCONN
    private const int UnixDomain = 1;
    private const int Stream = 1;
    private const int SetFlags = 2; // F_SETFD

    /// <summary>Read-only, without set-user-ids, devices and access times.</summary>
    private const nuint Flags = 1 | 2 | 4 | 1024;

    /// <summary>Mounts a FUSE file system that only its owner may use. Needs CAP_SYS_ADMIN.</summary>
    /// <returns>The open /dev/fuse, to be served.</returns>
    /// <exception cref="IOException">It cannot be done.</exception>
    public static SafeFileHandle Mount(string directory, (uint User, uint Group) owner)
    {
        SafeFileHandle device = new(Open("/dev/fuse", ReadWrite | CloseOnExec), ownsHandle: true);
        if (device.IsInvalid)
        {
            string reason = Marshal.GetLastPInvokeErrorMessage();
            device.Dispose();
            throw new IOException($"/dev/fuse cannot be opened: {reason}.");
        }

        string options = FormattableString.Invariant(
            $"fd={device.DangerousGetHandle()},rootmode=40555,user_id={owner.User},group_id={owner.Group}");
        if (Mount("repr", directory, "fuse.repr", Flags, options) != 0)
        {
            string reason = Marshal.GetLastPInvokeErrorMessage();
            device.Dispose();
            throw new IOException($"A file system cannot be mounted at '{directory}': {reason}.");
        }

        return device;
    }

    /// <summary>Takes a mount away, also one that is in use or abandoned. None there is not an error.</summary>
    public static void Unmount(string directory) => _ = Unmount(directory, Detach);

    /// <summary>Whether a directory is a mount whose server is gone.</summary>
    public static bool IsAbandoned(string directory) => Access(directory, 0) != 0 && Marshal.GetLastPInvokeError() == NotConnected;

    /// <summary>Two connected sockets: the first stays here, the second is inherited by programs that are started.</summary>
    /// <exception cref="IOException">There are no more descriptors.</exception>
    public static unsafe (SafeFileHandle Here, SafeFileHandle There) ConnectedSockets()
    {
        int* pair = stackalloc int[2];
        if (SocketPair(UnixDomain, Stream, 0, pair) != 0 || FileControl(pair[0], SetFlags, 1) != 0)
        {
            throw new IOException($"No sockets can be made: {Marshal.GetLastPInvokeErrorMessage()}.");
        }

        return (new SafeFileHandle(pair[0], true), new SafeFileHandle(pair[1], true));
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, nuint flags, string options);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static unsafe partial int SocketPair(int domain, int type, int protocol, int* pair);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(int descriptor, int command, int argument);
}
