using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces;

/// <summary>Tries whether sandboxes can be made here, by making one whose program is known to be absent.</summary>
internal static class SandboxProbe
{
    /// <summary>Permission bits of a directory that everybody may read.</summary>
    public const int DirectoryMode = 0x1ED; // 0o755

    private static readonly VirtualPath s_directory = OperatingSystem.IsWindows() ? VirtualPath.Parse("/C:") : VirtualPath.Root;

    /// <summary>Makes one sandbox in a staging directory of its own.</summary>
    /// <returns>Null when it worked; else a sentence that says why not.</returns>
    public static ValueTask<string?> TryAsync(IWorkspaceProvider provider, CancellationToken cancellationToken) =>
        TryAsync(provider, Directory.CreateTempSubdirectory("repr-probe-").FullName, cancellationToken);

    /// <summary>Makes one sandbox.</summary>
    /// <returns>Null when it worked; else a sentence that says why not.</returns>
    public static async ValueTask<string?> TryAsync(IWorkspaceProvider provider, string staging, CancellationToken cancellationToken)
    {
        Command command = new()
        {
            Arguments = [s_directory.Append("absent").Text],
            WorkingDirectory = s_directory,
            Environment = new Dictionary<string, string>(),
            OutputRoots = [],
            CopyRoots = [s_directory], // a kind that copies refuses an action without any, and would be tried no further
        };
        try
        {
            await using IWorkspace workspace = await provider.CreateAsync(staging, 0, command, new Nothing(), cancellationToken);
            await workspace.RunAsync(new Nothing(), input: null, cancellationToken);
            return "The probe of the sandbox ran a program that does not exist.";
        }
        catch (ReprException exception) when (exception.Code == ReprErrorCode.InvalidRequest)
        {
            return null; // everything up to the absent program worked
        }
        catch (ReprException exception)
        {
            return $"{exception.Message} {Remedy(exception.Message)}".TrimEnd();
        }
    }

    private static string Remedy(string message) => message switch
    {
        _ when message.Contains("/dev/fuse", StringComparison.Ordinal) =>
            "Load the kernel module fuse, and let the worker's user open /dev/fuse for reading and writing.",
        _ when message.Contains("namespaces", StringComparison.Ordinal) || message.Contains("_map", StringComparison.Ordinal) =>
            "Allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
            + "kernel.apparmor_restrict_unprivileged_userns).",
        _ when message.Contains("overlay", StringComparison.Ordinal) =>
            "Linux 5.11 or later with overlayfs is needed, and a staging directory on a disk or tmpfs, not on an overlayfs.",
        _ when message.Contains("/proc", StringComparison.Ordinal) =>
            "In a container, /proc must be mounted without masked paths (for example --security-opt systempaths=unconfined).",
        _ => "",
    };

    /// <summary>A world without files.</summary>
    private sealed class Nothing : IFileSource, IToolText
    {
        public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken) =>
            ValueTask.FromResult(path.IsRoot || path == s_directory ? new FileEntry(path.Name, FileKind.Directory, 0, 0, DirectoryMode) : null);

        public ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IReadOnlyList<FileEntry>>([]);

        public ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken) =>
            throw new ReprException(ReprErrorCode.Internal, "There is no file to open.");

        public ValueTask WriteAsync(bool isStandardError, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
            ValueTask.CompletedTask;
    }
}
