using Microsoft.Win32.SafeHandles;
using static Repr.Requester.Files.WindowsNative;

namespace Repr.Requester.Files;

/// <summary>
/// <see cref="Disk"/> on Windows. Paths are those of the wire without their first slash ("C:/src/x"), or relative to an open directory;
/// the empty path below the root ("") is above the drives, and only a directory. A name that Windows gives another meaning (a stream, a
/// device) is not passed on to it: nothing is there, and nothing is made there.
/// </summary>
internal static class WindowsDisk
{
    private static readonly FileStat s_computer = new(0, 0, 0x4000 | 0x16D, 0, 0, 0, 0, 1);

    public static VirtualPath Spell(VirtualPath path)
    {
        VirtualPath place = VirtualPath.Root;
        foreach (string name in path.Text.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            place = Spell(place, name);
        }

        return place;
    }

    public static VirtualPath Spell(VirtualPath directory, string name)
    {
        if (directory.IsRoot)
        {
            return directory.Append(name.Length == 2 && name[1] == ':' ? name.ToUpperInvariant() : name);
        }

        if (!WindowsPath.IsFileName(name, out _))
        {
            return directory.Append(name);
        }

        try
        {
            using SafeFileHandle? handle = TryOpenDirectory(null, directory.Text[1..]);
            return directory.Append(handle is null ? name : FindSpelling(handle, name) ?? name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return directory.Append(name); // It cannot be listed; whoever opens it is told why.
        }
    }

    public static FileStat? TryStat(SafeFileHandle? directory, string path)
    {
        if (directory is null && path.Length == 0)
        {
            return s_computer;
        }

        using SafeFileHandle? handle = TryOpenPath(directory, path);
        return handle is null ? null : Stat(handle);
    }

    public static string ReadLink(SafeFileHandle? handle, string path)
    {
        if (handle is not null && path.Length == 0)
        {
            return WindowsNative.ReadLink(handle);
        }

        using SafeFileHandle link = TryOpenPath(handle, path) ?? throw new IOException($"The link '{path}' has vanished.");
        return WindowsNative.ReadLink(link);
    }

    public static SafeFileHandle? TryOpenPath(SafeFileHandle? directory, string path) =>
        TryOpen(directory, path, ReadAttributes, Disposition.Open, Options.LinkItself);

    public static SafeFileHandle? TryOpenFile(string path) => TryOpen(null, path, ReadData, Disposition.Open, Options.None);

    public static SafeFileHandle? TryOpenDirectory(SafeFileHandle? directory, string path) =>
        TryOpen(directory, path, ReadData, Disposition.Open, Options.Directory);

    public static IEnumerable<string> List(SafeFileHandle directory) =>
        WindowsNative.List(directory).Where(name => WindowsPath.IsFileName(name, out _));

    public static SafeFileHandle CreateFile(SafeFileHandle directory, string name) =>
        WindowsNative.TryOpen(directory, CheckName(name), ReadWrite | Delete, Disposition.Create, Options.File)
        ?? throw new IOException($"The file '{name}' could not be made: its directory has vanished.");

    public static void CreateDirectory(SafeFileHandle directory, string name) => WindowsNative.TryOpen(
        directory, CheckName(name), ReadAttributes, Disposition.OpenOrCreate, Options.Directory)?.Dispose();

    public static void Rename(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to)
    {
        using SafeFileHandle file = WindowsNative.TryOpen(fromDirectory, from, Delete, Disposition.Open, Options.LinkItself)
            ?? throw new IOException($"'{from}' has vanished.");
        WindowsNative.Rename(file, toDirectory, CheckName(to));
    }

    public static void Remove(SafeFileHandle directory, string name)
    {
        using SafeFileHandle? file = TryOpen(directory, name, Delete, Disposition.Open, Options.LinkItself);
        if (file is not null)
        {
            WindowsNative.Remove(file, name);
        }
    }

    public static bool IsWritable(SafeFileHandle directory)
    {
        try
        {
            using SafeFileHandle? again = TryOpenDirectoryAgain(directory);
            return again is not null;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static SafeFileHandle? TryOpenDirectoryAgain(SafeFileHandle directory) =>
        WindowsNative.TryOpen(directory, "", AddEntries, Disposition.Open, Options.Directory);

    private static SafeFileHandle? TryOpen(SafeFileHandle? directory, string path, uint access, Disposition disposition, Options options)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        int first = directory is null ? 1 : 0;
        if (names.Length < first || (directory is null && !VirtualPath.Parse("/" + names[0]).HasDrive)
            || names.Skip(first).Any(name => !WindowsPath.IsFileName(name, out _)))
        {
            return null;
        }

        using SafeFileHandle? drive = directory is null ? TryOpenDrive(names[0]) : null;
        return (directory ?? drive) is not { } root
            ? null
            : WindowsNative.TryOpen(root, string.Join('\\', names.Skip(first)), access, disposition, options);
    }

    private static string CheckName(string name) =>
        WindowsPath.IsFileName(name, out string? problem) ? name : throw new IOException($"The name '{name}' {problem}.");
}
