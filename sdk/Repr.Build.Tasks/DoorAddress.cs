using System.Text;

namespace Repr.Build;

/// <summary>Where the requester process of this user and this build of Repr listens.</summary>
internal static class DoorAddress
{
    /// <summary>$REPR_RUNTIME_DIR, else $XDG_RUNTIME_DIR/repr, else /tmp/repr-(uid); on Windows, %LOCALAPPDATA%\repr\run.</summary>
    public static string RuntimeDirectory()
    {
        if (Environment.GetEnvironmentVariable("REPR_RUNTIME_DIR") is { Length: > 0 } chosen)
        {
            return Path.GetFullPath(chosen);
        }

        if (OperatingSystem.IsWindows())
        {
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "repr", "run");
        }

        return Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } session
            ? Path.Combine(session, "repr")
            : FormattableString.Invariant($"/tmp/repr-{UserNative.GetEffectiveUserId()}");
    }

    /// <summary>The door of a requester process that runs the given repr.dll: another build of it has another door.</summary>
    /// <exception cref="IOException">The file is not there.</exception>
    public static string Door(string runtimeDirectory, string toolPath)
    {
        FileInfo tool = new(toolPath);
        string identity = FormattableString.Invariant($"{tool.FullName}|{tool.Length}|{tool.LastWriteTimeUtc.Ticks}");
        return Path.Combine(runtimeDirectory, $"door-{Hash(identity):x16}.sock");
    }

    /// <summary>The name of the pipe that is a door on Windows, without "\\.\pipe\": the rule of DoorPaths.</summary>
    public static string Pipe(string door) =>
        FormattableString.Invariant($"repr-{Hash(Path.GetFullPath(door).ToUpperInvariant()):x16}");

    /// <summary>Makes the runtime directory if need be, and checks that nobody else can put a socket there.</summary>
    /// <exception cref="IOException">It cannot be made, belongs to another user or is open to others; the message says what to do.</exception>
    public static void Secure(string runtimeDirectory)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(runtimeDirectory); // The pipe guards itself.
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(runtimeDirectory)!);
        UserNative.CreatePrivateDirectory(runtimeDirectory);
        if (!UserNative.IsPrivateDirectory(runtimeDirectory))
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
