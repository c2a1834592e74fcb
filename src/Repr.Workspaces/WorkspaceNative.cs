using System.Runtime.InteropServices;
using System.Text;

namespace Repr.Workspaces;

/// <summary>What .NET does not tell about files: device numbers, extended attributes, owners.</summary>
internal static partial class WorkspaceNative
{
    private const int NoFollow = 0x100;
    private const int CurrentDirectory = -100;
    private const uint BasicStats = 0x7ff;
    private const int TypeMask = 0xF000;
    private const int CharacterDevice = 0x2000;

    /// <summary>Type and permission bits of a path, links not followed; and whether it is overlayfs's mark of a deletion.</summary>
    /// <exception cref="IOException">It could not be read.</exception>
    public static unsafe (int Mode, bool IsWhiteout) Stat(string path)
    {
        Statx stat;
        if (GetStatus(CurrentDirectory, path, NoFollow, BasicStats, &stat) != 0)
        {
            throw new IOException($"'{path}' could not be examined: {Marshal.GetLastPInvokeErrorMessage()}.");
        }

        bool isWhiteout = (stat.Mode & TypeMask) == CharacterDevice && stat.DeviceMajor == 0 && stat.DeviceMinor == 0;
        return (stat.Mode, isWhiteout);
    }

    /// <summary>True when an extended attribute is there and is this text.</summary>
    public static unsafe bool HasAttribute(string path, string name, string value)
    {
        Span<byte> buffer = stackalloc byte[64];
        fixed (byte* start = buffer)
        {
            nint length = GetAttribute(path, name, start, buffer.Length);
            return length >= 0 && Encoding.UTF8.GetString(buffer[..(int)length]) == value;
        }
    }

    /// <summary>Gives a path to another owner, links not followed.</summary>
    /// <exception cref="IOException">It could not be done.</exception>
    public static void ChangeOwner(string path, uint userId, uint groupId)
    {
        if (SetOwner(path, userId, groupId) != 0)
        {
            throw new IOException($"The owner of '{path}' could not be changed: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int GetStatus(int directory, string path, int flags, uint mask, Statx* result);

    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial nint GetAttribute(string path, string name, byte* value, nint length);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetOwner(string path, uint userId, uint groupId);

    // struct statx of statx(2); only what is used has a name.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(128)]
        public uint DeviceMajor;

        [FieldOffset(132)]
        public uint DeviceMinor;
    }
}
