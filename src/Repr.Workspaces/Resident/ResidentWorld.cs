using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Fuse;

namespace Repr.Workspaces.Resident;

/// <summary>
/// One world of a <see cref="ResidentSandbox"/>: its layers and the server of the lower one. It can be made before it is known what for; until
/// then nothing looks at its files.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ResidentWorld : IResidentWorld
{
    private readonly SandboxServices _services;
    private readonly string _staging;
    private readonly FileOpening _opening;
    private readonly LateFiles _files = new();
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Command _command;
    private FuseServer? _server;
    private volatile bool _aborted;

    /// <summary>Makes one that is not mounted yet.</summary>
    /// <param name="services">What it is made with.</param>
    /// <param name="staging">Its directory.</param>
    /// <param name="command">Something with the identity of what will run there.</param>
    /// <param name="root">What the requester's "/" is.</param>
    /// <param name="opening">How the kernel is to open files.</param>
    public ResidentWorld(SandboxServices services, string staging, Command command, FileEntry root, FileOpening opening)
    {
        _services = services;
        _staging = staging;
        _command = command;
        _opening = opening;
        Tree = new FuseTree(_files, root);
    }

    /// <summary>What is known of its files.</summary>
    public FuseTree Tree { get; }

    /// <inheritdoc/>
    public Task Failed => _failed.Task;

    /// <summary>Gives it its files, before anybody looks.</summary>
    /// <param name="command">What will run there.</param>
    /// <param name="files">What it sees.</param>
    public void Begin(Command command, IFileSource files)
    {
        _command = command;
        _files.Begin(files);
    }

    /// <summary>Serves the lower layer.</summary>
    /// <param name="device">The /dev/fuse of its mount; the world's from now on.</param>
    public void Serve(SafeFileHandle device)
    {
        FuseServer server = new(
            device, Tree, _files, (_command.UserId, _command.GroupId), _opening, failure => _failed.TrySetException(failure), _services.Logger);
        Volatile.Write(ref _server, server);
        if (_aborted)
        {
            server.Abort();
        }

        server.Start();
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
        new UpperLayer(Path.Combine(_staging, "upper"), Tree, _command, _services.Logger).Collect();

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Abort();
        _ = _failed.Task.Exception; // whoever wanted to know has asked
        StagingDirectory.TryDelete(_staging, _services.Logger);
        return ValueTask.CompletedTask;
    }
}
