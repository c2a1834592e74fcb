using System.Globalization;
using System.Text;

namespace Repr.Build;

/// <summary>Where the requester process of this user and this build of Repr listens.</summary>
internal static class DoorAddress
{
    /// <summary>$REPR_RUNTIME_DIR, else $XDG_RUNTIME_DIR/repr, else /tmp/repr-(uid).</summary>
    public static string RuntimeDirectory()
    {
        if (Environment.GetEnvironmentVariable("REPR_RUNTIME_DIR") is { Length: > 0 } chosen)
        {
            return Path.GetFullPath(chosen);
        }

        return Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } session
            ? Path.Combine(session, "repr")
            : string.Create(CultureInfo.InvariantCulture, $"/tmp/repr-{UserNative.GetEffectiveUserId()}");
    }

    /// <summary>The socket of a requester process that runs the given repr.dll: another build of it has another socket.</summary>
    /// <exception cref="IOException">The file is not there.</exception>
    public static string Socket(string runtimeDirectory, string toolPath)
    {
        FileInfo tool = new(toolPath);
        string identity = string.Create(CultureInfo.InvariantCulture, $"{tool.FullName}|{tool.Length}|{tool.LastWriteTimeUtc.Ticks}");
        return Path.Combine(runtimeDirectory, $"door-{Hash(identity):x16}.sock");
    }

    /// <summary>Makes the runtime directory if need be, and checks that nobody else can put a socket there.</summary>
    /// <exception cref="IOException">It cannot be made, belongs to another user or is open to others; the message says what to do.</exception>
    public static void Secure(string runtimeDirectory)
    {
        const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("The requester process does not run on Windows yet.");
        }

        Directory.CreateDirectory(runtimeDirectory, Mine);
        UnixFileMode others = File.GetUnixFileMode(runtimeDirectory) & ~Mine;
        if (others != 0 || UserNative.GetOwner(runtimeDirectory) != UserNative.GetEffectiveUserId())
        {
            throw new IOException(
                $"The directory '{runtimeDirectory}' must belong to the user and be closed to others (chmod 700); remove it or set REPR_RUNTIME_DIR.");
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
}
