using System.Globalization;
using System.Text;
using Repr.Requester.Files;

namespace Repr.Requester.Door;

/// <summary>Where the door and the cache of this user are. Read from the environment by the process's entry points only.</summary>
public static class DoorPaths
{
    /// <summary>
    /// The door of one build of Repr: another build has another door. The same rule is in the tasks (<c>DoorAddress</c>) and in the front
    /// (<c>door.c</c>).
    /// </summary>
    /// <param name="product">Full path of repr.dll.</param>
    public static string FindDoor(string product)
    {
        FileInfo file = new(product);
        string identity = string.Create(CultureInfo.InvariantCulture, $"{file.FullName}|{file.Length}|{file.LastWriteTimeUtc.Ticks}");
        return Path.Combine(FindRuntimeDirectory(), $"door-{Hash(identity):x16}.sock");
    }

    /// <summary>The name of the pipe that is a door on Windows, without "\\.\pipe\". The same rule is in the tasks.</summary>
    /// <param name="doorPath">Path of the door; its case does not matter.</param>
    public static string PipeOf(string doorPath) =>
        string.Create(CultureInfo.InvariantCulture, $"repr-{Hash(Path.GetFullPath(doorPath).ToUpperInvariant()):x16}");

    /// <summary>$REPR_RUNTIME_DIR, else $XDG_RUNTIME_DIR/repr, else /tmp/repr-uid; on Windows, %LOCALAPPDATA%\repr\run.</summary>
    public static string FindRuntimeDirectory() =>
        Variable("REPR_RUNTIME_DIR")
        ?? (OperatingSystem.IsWindows() ? LocalData("run") : null)
        ?? (Variable("XDG_RUNTIME_DIR") is { } runtime ? Path.Combine(runtime, "repr") : null)
        ?? string.Create(CultureInfo.InvariantCulture, $"/tmp/repr-{LinuxNative.GetUserId()}");

    /// <summary>$REPR_CACHE_DIR, else $XDG_CACHE_HOME/repr, else ~/.cache/repr; on Windows, %LOCALAPPDATA%\repr\cache.</summary>
    public static string FindCacheDirectory() =>
        Variable("REPR_CACHE_DIR")
        ?? (OperatingSystem.IsWindows() ? LocalData("cache") : null)
        ?? Path.Combine(
            Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "repr");

    /// <summary>Makes a directory that is this user's alone. On Windows it only holds locks: what guards the door is the pipe's access list.</summary>
    /// <exception cref="IOException">It exists and belongs to somebody else, is open to others, or is not a directory.</exception>
    public static void CreatePrivateDirectory(string path)
    {
        if (!Directory.Exists(path))
        {
            Disk.CreatePrivateDirectory(path);
        }

        if (!OperatingSystem.IsWindows()
            && (LinuxNative.TryStat(path) is not { IsDirectory: true } directory
                || directory.UserId != LinuxNative.GetUserId() || (directory.Mode & 0x3F) != 0))
        {
            throw new IOException(
                $"The directory '{path}' must be a directory of this user with mode 0700; remove it, or set REPR_RUNTIME_DIR to another one.");
        }
    }

    // FNV-1a, 64 bits: a name, not a secret.
    private static ulong Hash(string text)
    {
        ulong hash = 14695981039346656037;
        foreach (byte octet in Encoding.UTF8.GetBytes(text))
        {
            hash = unchecked((hash ^ octet) * 1099511628211);
        }

        return hash;
    }

    private static string LocalData(string name) =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "repr", name);

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
