using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// A read-only file system at a directory of this machine, for the processes of this user alone, served by this process until it is
/// disposed. Unlike those of actions it is in nobody's namespace, and its files may come and go. Root mounts it itself; any other user by
/// <c>fusermount3</c>, which is there for this and hands the descriptor over a socket (_FUSE_COMMFD of libfuse).
/// </summary>
[SupportedOSPlatform("linux")]
public sealed partial class FuseMount : IAsyncDisposable
{
    private const int DirectoryMode = 0x16D; // 0o555

    private readonly string _directory;
    private readonly FuseServer _server;

    private FuseMount(string directory, FuseServer server)
    {
        _directory = directory;
        _server = server;
    }

    /// <summary>Mounts a file system. What a process that was killed has left mounted there is taken away before.</summary>
    /// <param name="directory">Absolute path of a directory of this user; made if it is not there.</param>
    /// <param name="files">
    /// What is in it. No directory goes, and no file becomes another one, but files may come and go. What it throws when a file is opened is
    /// the error EIO of whoever opened it.
    /// </param>
    /// <param name="logger">For what goes wrong.</param>
    /// <param name="cancellationToken">Stops the mounting.</param>
    /// <exception cref="IOException">It cannot be mounted; the message says why, and what to do.</exception>
    public static async Task<FuseMount> MountAsync(string directory, IFileSource files, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        await PrepareAsync(directory, cancellationToken);
        bool isRoot = LauncherNative.GetEffectiveUserId() == 0;
        (uint User, uint Group) owner = (LauncherNative.GetEffectiveUserId(), LauncherNative.GetEffectiveGroupId());
        SafeFileHandle device = isRoot ? MountNative.Mount(directory, owner) : await UserMount.MountAsync(directory, cancellationToken);
        FuseTree tree = new(files, new FileEntry("", FileKind.Directory, 0, 0, DirectoryMode), mayChange: true);
        FuseServer server = new(device, tree, files, owner, isRoot ? FileOpening.Passthrough : FileOpening.Asked, failure => Log.NotServed(logger, failure.Code, failure.Message), logger);
        server.Start();
        return new FuseMount(directory, server);
    }

    /// <summary>Takes the file system away. Who has one of its files open keeps it.</summary>
    public async ValueTask DisposeAsync()
    {
        await UnmountAsync(_directory, CancellationToken.None);
        await _server.DisposeAsync();
    }

    private static async Task PrepareAsync(string directory, CancellationToken cancellationToken)
    {
        // Of a mount whose server is gone nothing can be told but that (ENOTCONN).
        if (MountNative.IsAbandoned(directory))
        {
            await UnmountAsync(directory, cancellationToken);
            if (MountNative.IsAbandoned(directory))
            {
                throw new IOException($"'{directory}' is still mounted by a process that is gone; run 'fusermount3 -u -z {directory}'.");
            }
        }

        try
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    private static Task UnmountAsync(string directory, CancellationToken cancellationToken)
    {
        if (LauncherNative.GetEffectiveUserId() != 0)
        {
            return UserMount.UnmountAsync(directory, cancellationToken);
        }

        MountNative.Unmount(directory);
        return Task.CompletedTask;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "A file could not be opened ({Code}): {Reason}")]
        public static partial void NotServed(ILogger logger, ReprErrorCode code, string reason);
    }
}
