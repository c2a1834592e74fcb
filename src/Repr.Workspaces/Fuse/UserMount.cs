using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Fuse;

/// <summary>Mounts of a user who is not root, by libfuse's set-user-id program.</summary>
[SupportedOSPlatform("linux")]
internal static class UserMount
{
    // Of libfuse 3 and of libfuse 2: they speak the same.
    private static readonly string[] s_programs = ["fusermount3", "fusermount"];

    /// <summary>Mounts a read-only FUSE file system.</summary>
    /// <returns>The open /dev/fuse, to be served.</returns>
    /// <exception cref="IOException">It cannot be done; the message says why.</exception>
    public static async Task<SafeFileHandle> MountAsync(string directory, CancellationToken cancellationToken)
    {
        (SafeFileHandle here, SafeFileHandle there) = MountNative.ConnectedSockets();
        using SafeFileHandle ours = here;
        string text;
        using (there)
        {
            text = await RunAsync(
                ["-o", "ro,nosuid,nodev,noatime,fsname=repr,subtype=repr", "--", directory], (int)there.DangerousGetHandle(), cancellationToken);
        }

        _ = LauncherNative.Receive(ours, new byte[1], out SafeFileHandle? device);
        return device ?? throw new IOException($"A file system cannot be mounted at '{directory}': {(text.Length > 0 ? text : $"{s_programs[0]} refused")}.");
    }

    /// <summary>Takes a mount away, also one that is in use or abandoned. None there is not an error.</summary>
    public static async Task UnmountAsync(string directory, CancellationToken cancellationToken)
    {
        try
        {
            _ = await RunAsync(["-u", "-q", "-z", "--", directory], socket: null, cancellationToken);
        }
        catch (IOException)
        {
            // Without the program there is no mount either.
        }
    }

    private static async Task<string> RunAsync(string[] arguments, int? socket, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(Find(), arguments) { RedirectStandardError = true, RedirectStandardInput = true, RedirectStandardOutput = true };
        if (socket is { } descriptor)
        {
            start.Environment["_FUSE_COMMFD"] = FormattableString.Invariant($"{descriptor}");
        }

        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            string error = await process.StandardError.ReadToEndAsync(cancellationToken);
            _ = await output;
            await process.WaitForExitAsync(cancellationToken);
            return error.Trim().TrimEnd('.');
        }
        catch (Win32Exception exception)
        {
            throw new IOException($"'{start.FileName}' cannot be started: {exception.Message}.", exception);
        }
    }

    private static string Find() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(_ => s_programs, Path.Combine)
            .FirstOrDefault(File.Exists)
            ?? throw new IOException($"'{s_programs[0]}', by which users mount, is not on the PATH; install the package fuse3.");
}
