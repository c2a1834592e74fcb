using System.Runtime.InteropServices;

namespace Repr.Workspaces.Fuse;

/// <summary>The system calls of a FUSE server. Each fails with -1 and the error of the last P/Invoke set.</summary>
internal static unsafe partial class FuseNative
{
    private const uint BackingOpenRequest = 0x4010e501;
    private const uint BackingCloseRequest = 0x4004e502;

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle file, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle file, byte* buffer, nint length);

    /// <summary>Registers a file whose content the kernel then serves itself. Needs CAP_SYS_ADMIN and Linux 6.9.</summary>
    /// <returns>A number greater than 0 to give in the answer to OPEN; -1 on failure.</returns>
    public static int OpenBacking(SafeHandle fuse, SafeHandle file)
    {
        FuseBackingMap map = new() { Descriptor = (int)file.DangerousGetHandle() };
        int id = Control(fuse, BackingOpenRequest, &map);
        GC.KeepAlive(file);
        return id;
    }

    /// <summary>Takes back a registration.</summary>
    public static int CloseBacking(SafeHandle fuse, int backingId) => Control(fuse, BackingCloseRequest, &backingId);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeHandle file, nuint request, void* argument);
}
