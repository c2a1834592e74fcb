using System.Runtime.InteropServices;
using System.Text;

namespace Repr.Build;

/// <summary>What only the C library of Linux can say about users and their directories. The same for both kinds of MSBuild. Thread-safe.</summary>
internal static class UserNative
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const uint WantModeAndOwner = 0x1 | 0x2 | 0x8; // STATX_TYPE, STATX_MODE, STATX_UID
    private const int BufferBytes = 256;

    /// <summary>The effective user id of this process (geteuid(2)).</summary>
    [DllImport("libc", EntryPoint = "geteuid", ExactSpelling = true)]
    public static extern uint GetEffectiveUserId();

    /// <summary>Whether a path is a directory, not a link to one, of this user that is closed to all others (statx(2)).</summary>
    public static unsafe bool IsPrivateDirectory(string path)
    {
        byte* buffer = stackalloc byte[BufferBytes];
        if (Statx(CurrentDirectory, ToBytes(path), NoFollow, WantModeAndOwner, buffer) != 0)
        {
            return false;
        }

        uint owner = *(uint*)(buffer + 20);
        int mode = *(ushort*)(buffer + 28);
        return (mode & 0xF03F) == 0x4000 && owner == GetEffectiveUserId();
    }

    /// <summary>Makes a directory of this user alone (mkdir(2)); what is there already stays as it is.</summary>
    public static void CreatePrivateDirectory(string path) => _ = Mkdir(ToBytes(path), 0x1C0);

    private static byte[] ToBytes(string path) => Encoding.UTF8.GetBytes(path + '\0');

    [DllImport("libc", EntryPoint = "statx", ExactSpelling = true)]
    private static extern unsafe int Statx(int directory, byte[] path, int flags, uint mask, byte* result);

    [DllImport("libc", EntryPoint = "mkdir", ExactSpelling = true)]
    private static extern int Mkdir(byte[] path, uint mode);
}
