using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Fuse;

namespace Repr.Workspaces.Resident;

/// <summary>One world of a <see cref="ResidentSandbox"/>: its layers and the server of the lower one.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ResidentWorld(SandboxServices services, string staging, Command command, ServedFiles served) : IResidentWorld
{
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FuseServer? _server;
    private volatile bool _aborted;

    /// <inheritdoc/>
    public Task Failed => _failed.Task;

    /// <summary>Serves the lower layer.</summary>
    /// <param name="device">The /dev/fuse of its mount; the world's from now on.</param>
    /// <param name="threads">How many read requests.</param>
    public void Serve(SafeFileHandle device, int threads)
    {
        FuseServer server = new(
            device,
            served.Tree,
            served.Source,
            (command.UserId, command.GroupId),
            served.Passthrough,
            failure => _failed.TrySetException(failure),
            services.Logger);
        Volatile.Write(ref _server, server);
        if (_aborted)
        {
            server.Abort();
        }

        server.Start(threads);
    }

    /// <summary>Lets every question fail.</summary>
    public void Abort()
    {
        _aborted = true;
        Volatile.Read(ref _server)?.Abort();
    }

    /// <summary>Completed when the kernel has taken the mount away.</summary>
    public Task RetireAsync() => Volatile.Read(ref _server)?.RetireAsync() ?? Task.CompletedTask;

    /// <inheritdoc/>
    public IReadOnlyList<WorkspaceChange> CollectChanges() =>
        new UpperLayer(Path.Combine(staging, "upper"), served.Tree, command, services.Logger).Collect();

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Abort();
        _ = _failed.Task.Exception; // whoever wanted to know has asked
        StagingDirectory.TryDelete(staging, services.Logger);
        return ValueTask.CompletedTask;
    }
}
