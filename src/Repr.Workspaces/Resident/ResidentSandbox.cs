using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Resident;

/// <summary>
/// A sandbox on Linux whose tool outlives an action. Each world has a FUSE file system and an overlayfs of its own; the supervisor
/// makes it the root of the sandbox's processes with pivot_root(2), so a running tool sees another world and keeps what it has open.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ResidentSandbox : IResidentTool
{
    private const int LastTextLength = 2000;

    private readonly SandboxServices _services;
    private readonly string _staging;
    private readonly Command _command;
    private readonly SandboxConnection _connection;
    private readonly bool _passthrough;
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _text = new();
    private readonly HashSet<Task> _retiring = [];
    private ResidentWorld _world;
    private TaskCompletionSource<SafeFileHandle?>? _errand;

    private ResidentSandbox(
        SandboxServices services, string staging, Command command, SandboxConnection connection, bool passthrough, ResidentWorld first)
    {
        _services = services;
        _staging = staging;
        _command = command;
        _connection = connection;
        _passthrough = passthrough;
        _world = first;
    }

    /// <inheritdoc/>
    public Task Ended => _ended.Task;

    /// <inheritdoc/>
    public string LastText
    {
        get
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }

    /// <inheritdoc/>
    public int LingeringWorlds
    {
        get
        {
            lock (_retiring)
            {
                return _retiring.Count;
            }
        }
    }

    /// <summary>Starts a tool; returns when it runs.</summary>
    /// <exception cref="ReprException">It could not be started.</exception>
    public static async ValueTask<ResidentSandbox> StartAsync(
        SandboxServices services,
        string staging,
        (uint User, uint Group) outside,
        Command command,
        ServedFiles served,
        CancellationToken cancellationToken)
    {
        SandboxConnection connection = await services.Launcher.ConnectAsync(cancellationToken);
        ResidentSandbox sandbox = new(services, staging, command, connection, served.Passthrough, new ResidentWorld(services, staging, command, served));
        try
        {
            SandboxRequest request = new(staging, command, WithFuse: true, outside.User, outside.Group, IsResident: true);
            await connection.SendAsync([.. request.Encode(), .. new ToolRequest(command).Encode()], cancellationToken);
            _ = sandbox.ReceiveAsync();
            await sandbox._started.Task.WaitAsync(cancellationToken);
            return sandbox;
        }
        catch (Exception exception)
        {
            sandbox._ended.TrySetResult(); // or it was received on: then it was set, or will be
            await sandbox.DisposeAsync();
            throw exception is SocketException
                ? new ReprException(ReprErrorCode.Unavailable, "The launcher of sandboxes went away. Try again.", exception)
                : exception;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IResidentWorld> EnterAsync(
        string stagingDirectory, Command command, IFileSource files, IEnumerable<VirtualPath> certain, CancellationToken cancellationToken)
    {
        FuseTree tree;
        IReadOnlyList<VirtualPath> foretold;
        try
        {
            tree = await FuseWorkspaceProvider.TreeOfAsync(files, cancellationToken);
            foretold = await tree.ForetellAsync(certain, cancellationToken);
        }
        catch
        {
            StagingDirectory.TryDelete(stagingDirectory, _services.Logger); // no world has it yet
            throw;
        }

        ResidentWorld left = _world;
        _world = new ResidentWorld(_services, stagingDirectory, command, new ServedFiles(files, tree, _passthrough));
        await RunErrandAsync(FrameKind.Enter, [stagingDirectory, .. foretold.Select(static directory => directory.Text)], cancellationToken);
        Retire(left);
        return _world;
    }

    /// <inheritdoc/>
    public async ValueTask<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        SafeFileHandle? handle = await RunErrandAsync(FrameKind.Connect, [], cancellationToken)
            ?? throw new ReprException(ReprErrorCode.Internal, "The launcher sent no connection to the tool.");
        SafeSocketHandle owned = new(handle.DangerousGetHandle(), ownsHandle: true);
        handle.SetHandleAsInvalid();
        return new Socket(owned);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _world.Abort(); // a process that waits for an answer cannot die before it has one
        _connection.Kill();
        await _ended.Task;
        _connection.Dispose();
        Retire(_world);
        Task[] retiring;
        lock (_retiring)
        {
            retiring = [.. _retiring];
        }

        try
        {
            await Task.WhenAll(retiring).WaitAsync(FuseServer.UnmountLimit);
        }
        catch (TimeoutException)
        {
            FuseServer.LogStillMounted(_services.Logger);
        }

        await _world.DisposeAsync();
        StagingDirectory.TryDelete(_staging, _services.Logger);
    }

    private void Retire(ResidentWorld world)
    {
        Task retiring = world.RetireAsync();
        lock (_retiring)
        {
            _retiring.Add(retiring);
        }

        _ = retiring.ContinueWith(
            gone =>
            {
                lock (_retiring)
                {
                    _retiring.Remove(gone);
                }
            },
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
    }

    private async Task<SafeFileHandle?> RunErrandAsync(FrameKind kind, IReadOnlyList<string> paths, CancellationToken cancellationToken)
    {
        TaskCompletionSource<SafeFileHandle?> errand = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _errand = errand;
        if (_ended.Task.IsCompleted)
        {
            throw Gone();
        }

        try
        {
            await _connection.SendErrandAsync(kind, paths, cancellationToken);
        }
        catch (SocketException exception)
        {
            throw new ReprException(ReprErrorCode.Unavailable, "The sandbox of a resident tool is gone.", exception);
        }

        Task first = await Task.WhenAny(errand.Task, _ended.Task).WaitAsync(cancellationToken);
        return first == errand.Task || errand.Task.IsCompleted ? await errand.Task : throw Gone();
    }

    private ReprException Gone() =>
        new(ReprErrorCode.Unavailable, $"The resident tool '{_command.Program}' has ended. {LastText}".TrimEnd());

    private async Task ReceiveAsync()
    {
        try
        {
            while (await _connection.ReceiveAsync() is { } frame)
            {
                Take(frame);
            }
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or SocketException or ObjectDisposedException)
        {
            // The supervisor is gone, and everything with it.
        }

        _started.TrySetException(Gone());
        _ended.TrySetResult();
    }

    private void Take(Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.Fuse when frame.Descriptor is not null:
                _world.Serve(frame.Descriptor);
                break;
            case FrameKind.Started:
                _started.TrySetResult();
                break;
            case FrameKind.StandardOutput or FrameKind.StandardError:
                lock (_text)
                {
                    _text.Append(Encoding.UTF8.GetString(frame.Data.Span));
                    _text.Remove(0, Math.Max(0, _text.Length - LastTextLength));
                }

                break;
            case FrameKind.Failed:
                ReprException failure = SandboxFailure.Explain(_command, frame.Data.Span);
                _started.TrySetException(failure);
                _errand?.TrySetException(failure);
                break;
            case FrameKind.Entered or FrameKind.Connected:
                if (SandboxFailure.ErrorOf(frame.Data.Span) == 0)
                {
                    _errand?.TrySetResult(frame.Descriptor);
                }
                else
                {
                    _errand?.TrySetException(SandboxFailure.Explain(_command, frame.Data.Span));
                }

                break;
        }
    }
}
