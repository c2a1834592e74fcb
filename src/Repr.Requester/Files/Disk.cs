using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Files;

/// <summary>
/// This machine's files by virtual paths and open directories, on Linux and on Windows alike: the only place that knows which of the two
/// it is. No link is followed, neither on the way nor at the end. On Windows names are found without case, and a name that Windows does
/// not have names nothing. Safe for concurrent use. Failures are <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>
/// with the system's text.
/// </summary>
internal static class Disk
{
    // Their ctime is not a promise: NFS, SMB, CIFS, SMB2, FUSE, 9p (statfs(2)).
    private static readonly long[] s_distrustedFileSystems = [0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x65735546, 0x01021997];

    /// <summary>A native path as this machine's programs write it.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it is not absolute, or names no file.</exception>
    public static VirtualPath ParseNative(string? text) => OperatingSystem.IsWindows() ? WindowsPath.Parse(text) : VirtualPath.Parse(text);

    /// <summary>As <see cref="ParseNative"/>, without an exception.</summary>
    public static bool TryParseNative(string? text, out VirtualPath path) =>
        OperatingSystem.IsWindows() ? WindowsPath.TryParse(text, out path, out _) : VirtualPath.TryParse(text, out path, out _);

    /// <summary>Those of native paths that are absolute and name a file.</summary>
    public static IEnumerable<VirtualPath> ParseAllNative(IEnumerable<string> texts)
    {
        foreach (string text in texts)
        {
            if (TryParseNative(text, out VirtualPath path))
            {
                yield return path;
            }
        }
    }

    /// <summary>A path as this machine's base library takes it, of any length.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: this system has no such path.</exception>
    public static string ToNative(VirtualPath path) => OperatingSystem.IsWindows() ? WindowsPath.Format(path) : path.Text;

    /// <summary>A path in the file system's spelling, as far as something is there; on Linux, the path.</summary>
    public static VirtualPath Spell(VirtualPath path) => OperatingSystem.IsWindows() ? WindowsDisk.Spell(path) : path;

    /// <summary>The path of a name in a directory, in the file system's spelling if it is there; on Linux, as it is.</summary>
    /// <param name="directory">A physical path in the file system's spelling.</param>
    /// <param name="name">The name.</param>
    public static VirtualPath Spell(VirtualPath directory, string name) =>
        OperatingSystem.IsWindows() ? WindowsDisk.Spell(directory, name) : directory.Append(name);

    /// <summary>As <see cref="Spell(VirtualPath, string)"/>, for the name of a path whose parent turned out to be at another place, or not.</summary>
    /// <param name="path">The path.</param>
    /// <param name="parent">Its parent.</param>
    /// <param name="directory">Where that is.</param>
    public static VirtualPath Spell(VirtualPath path, VirtualPath parent, VirtualPath directory) =>
        !OperatingSystem.IsWindows() && directory == parent ? path : Spell(directory, path.Name);

    /// <summary>What is at a path; null when there is nothing (also when a parent is not a directory).</summary>
    public static FileStat? TryStat(VirtualPath path) =>
        OperatingSystem.IsWindows() ? WindowsDisk.TryStat(null, path.Text[1..]) : LinuxNative.TryStat(path.Text);

    /// <summary>What is at a name in an open directory; null when there is nothing.</summary>
    public static FileStat? TryStat(SafeFileHandle directory, string name) =>
        OperatingSystem.IsWindows() ? WindowsDisk.TryStat(directory, name) : LinuxNative.TryStat(directory, name);

    /// <summary>What is open.</summary>
    public static FileStat Stat(SafeFileHandle handle) => OperatingSystem.IsWindows() ? WindowsNative.Stat(handle) : LinuxNative.Stat(handle);

    /// <summary>Text of a link, as this system writes it.</summary>
    public static string ReadLink(VirtualPath path) =>
        OperatingSystem.IsWindows() ? WindowsDisk.ReadLink(null, path.Text[1..]) : LinuxNative.ReadLink(path.Text);

    /// <summary>Text of a link that is open, or with a name lies in an open directory.</summary>
    public static string ReadLink(SafeFileHandle handle, string name) =>
        OperatingSystem.IsWindows() ? WindowsDisk.ReadLink(handle, name) : LinuxNative.ReadLink(handle, name);

    /// <summary>Where a link leads, without a look at the target; null: to no path that this product has.</summary>
    /// <param name="link">The link.</param>
    /// <param name="target">Its text.</param>
    public static VirtualPath? ResolveWindowsLink(VirtualPath link, string target) =>
        WindowsPath.TryParse(target, link.Parent, out VirtualPath path, out _) ? path : null;

    /// <summary>Opens a path for looking only. Null when there is nothing.</summary>
    public static SafeFileHandle? TryOpenPath(VirtualPath path) =>
        OperatingSystem.IsWindows() ? WindowsDisk.TryOpenPath(null, path.Text[1..]) : LinuxNative.TryOpenPath(null, path.Text[1..]);

    /// <summary>Opens a file to read it; never waits for a writer of a pipe. Null when there is nothing.</summary>
    public static SafeFileHandle? TryOpenFile(VirtualPath path) =>
        OperatingSystem.IsWindows() ? WindowsDisk.TryOpenFile(path.Text[1..]) : LinuxNative.TryOpenFile(null, path.Text[1..]);

    /// <summary>Opens a directory. Null when there is nothing.</summary>
    public static SafeFileHandle? TryOpenDirectory(VirtualPath path) =>
        OperatingSystem.IsWindows() ? WindowsDisk.TryOpenDirectory(null, path.Text[1..]) : LinuxNative.TryOpenDirectory(null, path.Text[1..]);

    /// <summary>Opens a directory below an open one; an empty path is that one. Null when there is nothing.</summary>
    public static SafeFileHandle? TryOpenDirectory(SafeFileHandle directory, string relativePath) => OperatingSystem.IsWindows()
        ? WindowsDisk.TryOpenDirectory(directory, relativePath)
        : LinuxNative.TryOpenDirectory(directory, relativePath);

    /// <summary>The end of the names of outputs that are being fetched. No tool sees them: what they will be is not decided yet.</summary>
    public const string TemporarySuffix = ".repr-tmp";

    /// <summary>The names in an open directory, in no order.</summary>
    public static IEnumerable<string> List(SafeFileHandle directory) => (OperatingSystem.IsWindows()
        ? WindowsDisk.List(directory)
        : Directory.EnumerateFileSystemEntries($"/proc/self/fd/{directory.DangerousGetHandle()}").Select(path => Path.GetFileName(path)!))
        .Where(static name => !name.EndsWith(TemporarySuffix, StringComparison.Ordinal));

    /// <summary>Makes a new file in an open directory, readable and writable by us alone (Linux). An existing name is an error.</summary>
    public static SafeFileHandle CreateFile(SafeFileHandle directory, string name) =>
        OperatingSystem.IsWindows() ? WindowsDisk.CreateFile(directory, name) : LinuxNative.CreateFile(directory, name);

    /// <summary>Makes a directory in an open directory; an existing one is left as it is.</summary>
    public static void CreateDirectory(SafeFileHandle directory, string name)
    {
        if (OperatingSystem.IsWindows())
        {
            WindowsDisk.CreateDirectory(directory, name);
        }
        else
        {
            LinuxNative.CreateDirectory(directory, name);
        }
    }

    /// <summary>Makes a symbolic link in an open directory. An existing name is an error; so is Windows.</summary>
    public static void CreateSymlink(SafeFileHandle directory, string name, string target)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new IOException($"The link to '{target}' is not written: on Windows that takes a privilege.");
        }

        LinuxNative.CreateSymlink(directory, name, target);
    }

    /// <summary>Renames a name of one open directory to a name of another, atomically; what was there is replaced.</summary>
    public static void Rename(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to)
    {
        if (OperatingSystem.IsWindows())
        {
            WindowsDisk.Rename(fromDirectory, from, toDirectory, to);
        }
        else
        {
            LinuxNative.Rename(fromDirectory, from, toDirectory, to);
        }
    }

    /// <summary>Removes a file, a link or an empty directory; nothing there is not an error.</summary>
    public static void Remove(SafeFileHandle directory, string name, bool isDirectory)
    {
        if (OperatingSystem.IsWindows())
        {
            WindowsDisk.Remove(directory, name);
        }
        else
        {
            LinuxNative.Remove(directory, name, isDirectory);
        }
    }

    /// <summary>Whether entries of an open directory can be made and removed by this process.</summary>
    public static bool IsWritable(SafeFileHandle directory) =>
        OperatingSystem.IsWindows() ? WindowsDisk.IsWritable(directory) : LinuxNative.IsWritable(directory);

    /// <summary>Gives an open file or directory its permissions; on Windows it keeps those of its directory.</summary>
    public static void SetMode(SafeFileHandle handle, int mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(handle, (UnixFileMode)(mode & 0x1FF));
        }
    }

    /// <summary>Makes a directory that on Linux only this user can enter, with its parents.</summary>
    public static void CreatePrivateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Whether each change of a file there changes its time of change, which nobody can set back.</summary>
    public static bool HasTrueChangeTimes(SafeFileHandle handle) => OperatingSystem.IsWindows()
        ? WindowsNative.IsLocalWithChangeTimes(handle)
        : !s_distrustedFileSystems.Contains(LinuxNative.FileSystemType(handle));
}
