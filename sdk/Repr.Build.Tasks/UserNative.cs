using System.Runtime.InteropServices;

namespace Repr.Build;

/// <summary>What only the operating system's C library can say about users.</summary>
internal static partial class UserNative
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const uint WantOwner = 0x8; // STATX_UID

    /// <summary>The effective user id of this process (geteuid(2)).</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetEffectiveUserId();

    /// <summary>The owner of a file, without following a link; null when it cannot be read (statx(2)).</summary>
    public static unsafe uint? GetOwner(string path)
    {
        Span<uint> buffer = stackalloc uint[64];
        fixed (uint* result = buffer)
        {
            return Statx(CurrentDirectory, path, NoFollow, WantOwner, result) == 0 ? buffer[5] : null; // stx_uid, byte 20
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int directory, string path, int flags, uint mask, uint* result);
}
