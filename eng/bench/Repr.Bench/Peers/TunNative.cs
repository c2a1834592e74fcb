using System.Runtime.InteropServices;

namespace Repr.Bench.Peers;

/// <summary>What Linux offers for tunnel devices and network namespaces: tun(4), ppoll(2), setns(2).</summary>
internal static unsafe partial class TunNative
{
    /// <summary>IFF_TUN | IFF_NO_PI | IFF_VNET_HDR: whole IP packets, each behind a header of virtio that carries offloads.</summary>
    public const short Flags = 0x0001 | 0x1000 | 0x4000;

    /// <summary>TUNSETIFF.</summary>
    public const nuint SetInterface = 0x400454ca;

    /// <summary>TUNSETOFFLOAD.</summary>
    public const nuint SetOffload = 0x400454d0;

    /// <summary>TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6: packets come as large as the kernel has them, 64 KiB at most.</summary>
    public const nuint Offloads = 0x01 | 0x02 | 0x04;

    /// <summary>O_RDWR | O_NONBLOCK | O_CLOEXEC.</summary>
    public const int OpenFlags = 0x2 | 0x800 | 0x80000;

    /// <summary>POLLIN.</summary>
    public const short Readable = 1;

    /// <summary>EAGAIN.</summary>
    public const int TryAgain = 11;

    /// <summary>EINTR.</summary>
    public const int Interrupted = 4;

    /// <summary>CLONE_NEWNET.</summary>
    public const int NetworkKind = 0x40000000;

    private const int SetTimerSlack = 29; // PR_SET_TIMERSLACK

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Poll
    {
        /// <summary>The file.</summary>
        public int File;

        /// <summary>What is asked.</summary>
        public short Events;

        /// <summary>What is there.</summary>
        public short Happened;
    }

    /// <summary>struct timespec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Time
    {
        /// <summary>Whole seconds.</summary>
        public long Seconds;

        /// <summary>The rest.</summary>
        public long Nanoseconds;
    }

    /// <summary>open(2).</summary>
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    /// <summary>close(2).</summary>
    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    /// <summary>ioctl(2).</summary>
    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(int file, nuint request, nuint argument);

    /// <summary>read(2).</summary>
    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int file, byte* buffer, nint count);

    /// <summary>write(2).</summary>
    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int file, byte* buffer, nint count);

    /// <summary>ppoll(2), without a mask of signals.</summary>
    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    public static partial int Wait(Poll* files, nuint count, Time* limit, void* mask);

    /// <summary>setns(2).</summary>
    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    public static partial int EnterNamespace(int file, int kind);

    /// <summary>This thread's waits end when they should, not up to 50 µs later.</summary>
    public static void WaitExactly() => Option(SetTimerSlack, 1, 0, 0, 0);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Option(int option, nuint second, nuint third, nuint fourth, nuint fifth);
}
