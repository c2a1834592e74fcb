using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

/// <summary>Changes what is below an open directory; names are relative to it, and what is there is no link, where it matters.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class DirectoryNative
{
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int CloseOnExec = 0x80000;
    private const int PathOnly = 0x200000;
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const int RemoveDirectory = 0x200;

    /// <summary>Opens a directory, for the other calls alone.</summary>
    /// <exception cref="IOException">It can't be opened.</exception>
    public static SafeFileHandle Open(string path)
    {
        SafeFileHandle directory = new(OpenAt(-100, path, PathOnly | CloseOnExec, 0), ownsHandle: true);
        if (directory.IsInvalid)
        {
            directory.Dispose();
            throw Failure("open", path);
        }

        return directory;
    }

    /// <summary>Makes a directory.</summary>
    /// <exception cref="IOException">It can't be made.</exception>
    public static void Make(SafeHandle directory, string name, int mode) => Check(MakeAt(directory, name, (uint)mode), "make", name);

    /// <summary>Makes a file that is not there yet.</summary>
    /// <exception cref="IOException">It can't be made.</exception>
    public static SafeFileHandle MakeFile(SafeHandle directory, string name)
    {
        SafeFileHandle file = new(OpenAt(directory, name, WriteOnly | Create | Exclusive | CloseOnExec, 0x180), ownsHandle: true);
        if (file.IsInvalid)
        {
            file.Dispose();
            throw Failure("make", name);
        }

        return file;
    }

    /// <summary>Makes a link to a text.</summary>
    /// <exception cref="IOException">It can't be made.</exception>
    public static void MakeLink(SafeHandle directory, string name, string target) => Check(LinkTo(target, directory, name), "make", name);

    /// <summary>Gives a file of one directory a name in another one.</summary>
    /// <exception cref="IOException">It can't be done.</exception>
    public static void Share(SafeHandle from, string file, SafeHandle directory, string name) => Check(LinkAt(from, file, directory, name, 0), "make", name);

    /// <summary>Moves a name from one directory to another.</summary>
    /// <exception cref="IOException">It can't be done.</exception>
    public static void Move(SafeHandle from, SafeHandle to, string name) => Check(RenameAt(from, name, to, name), "move", name);

    /// <summary>Takes a name away.</summary>
    /// <exception cref="IOException">It can't be done.</exception>
    public static void Remove(SafeHandle directory, string name, bool isDirectory) =>
        Check(UnlinkAt(directory, name, isDirectory ? RemoveDirectory : 0), "remove", name);

    /// <summary>Sets the owner.</summary>
    /// <exception cref="IOException">It can't be done.</exception>
    public static void SetOwner(SafeHandle directory, string name, (uint User, uint Group) owner) =>
        Check(OwnAt(directory, name, owner.User, owner.Group, NoFollow), "give away", name);

    /// <summary>Sets the permissions of what is no link.</summary>
    /// <exception cref="IOException">It can't be done.</exception>
    public static void SetMode(SafeHandle directory, string name, int mode) => Check(ModeAt(directory, name, (uint)mode, 0), "change", name);

    /// <summary>Sets the time of change.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="name">The name.</param>
    /// <param name="modifiedNs">Nanoseconds since 1970 UTC.</param>
    /// <exception cref="IOException">It can't be done.</exception>
    public static void SetTime(SafeHandle directory, string name, long modifiedNs)
    {
        (long seconds, long nanoseconds) = FuseReplies.ToTime(modifiedNs);
        long* times = stackalloc long[] { seconds, nanoseconds, seconds, nanoseconds };
        Check(TimeAt(directory, name, times, NoFollow), "change", name);
    }

    private static void Check(int result, string what, string name)
    {
        if (result != 0)
        {
            throw Failure(what, name);
        }
    }

    private static IOException Failure(string what, string name) => new($"Cannot {what} '{name}': {Marshal.GetLastPInvokeErrorMessage()}.");

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int directory, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(SafeHandle directory, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeAt(SafeHandle directory, string path, uint mode);

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkTo(string target, SafeHandle directory, string path);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkAt(SafeHandle from, string file, SafeHandle directory, string path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt(SafeHandle from, string path, SafeHandle to, string newPath);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkAt(SafeHandle directory, string path, int flags);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OwnAt(SafeHandle directory, string path, uint user, uint group, int flags);

    [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ModeAt(SafeHandle directory, string path, uint mode, int flags);

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int TimeAt(SafeHandle directory, string path, long* times, int flags);
}
