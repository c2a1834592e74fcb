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
/// The next world is made while nothing runs in the one before.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ResidentSandbox : IResidentTool
{
    private const int LastTextLength = 2000;

    private readonly SandboxServices _services;
    private readonly string _staging;
    private readonly Command _command;
    private readonly SandboxConnection _connection;
    private readonly FileOpening _opening;
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _text = new();
    private readonly HashSet<Task> _retiring = [];
    private ResidentWorld _world;
    private ResidentWorld _mounting;
    private Task<ResidentWorld?> _next = Task.FromResult<ResidentWorld?>(null);
    private TaskCompletionSource<SafeFileHandle?>? _errand;
    private FrameKind _awaited;
    private Socket? _connected;
    private bool _hasServed;

    private ResidentSandbox(
        SandboxServices services, string staging, Command command, SandboxConnection connection, FileOpening opening, ResidentWorld first)
    {
        _services = services;
        _staging = staging;
        _command = command;
        _connection = connection;
        _opening = opening;
        _world = _mounting = first;
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
        IFileSource files,
        FileOpening opening,
        CancellationToken cancellationToken)
    {
        ResidentWorld first = new(services, staging, command, await FuseWorkspaceProvider.RootOfAsync(files, cancellationToken), opening);
        first.Begin(command, files);
        SandboxConnection connection = await services.Launcher.ConnectAsync(cancellationToken);
        ResidentSandbox sandbox = new(services, staging, command, connection, opening, first);
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
        Command command, IFileSource files, IEnumerable<ObservedInput> certain, CancellationToken cancellationToken)
    {
        FileEntry root = await FuseWorkspaceProvider.RootOfAsync(files, cancellationToken);
        ResidentWorld? next = await _next.WaitAsync(cancellationToken);
        _next = Task.FromResult<ResidentWorld?>(null);
        if (next is null || next.Tree.Root.Entry != root)
        {
            if (next is not null)
            {
                await DropAsync(next);
            }

            next = await PrepareAsync(root, cancellationToken);
        }

        _hasServed = true;

        next.Begin(command, files);
        ResidentWorld left = _world;
        _world = next;
        string connects = _connected is null ? "\u0001" : "\0";
        try
        {
            IReadOnlyList<VirtualPath> foretold = await next.Tree.ForetellAsync(certain, cancellationToken);
            Keep(await RunErrandAsync(
                FrameKind.Enter, connects + string.Concat(foretold.Select(static directory => directory.Text + '\0')), cancellationToken));
        }
        finally
        {
            Retire(left);
        }

        return next;
    }

    /// <inheritdoc/>
    public void PrepareNext() => _next = TryPrepareAsync(_world.Tree.Root.Entry);

    /// <inheritdoc/>
    public async ValueTask ListenAsync(CancellationToken cancellationToken)
    {
        if (_connected is null)
        {
            await _next.WaitAsync(cancellationToken); // one errand at a time
            Keep(await RunErrandAsync(FrameKind.Connect, "", cancellationToken));
        }
    }

    /// <inheritdoc/>
    public async ValueTask<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        await ListenAsync(cancellationToken);
        return Interlocked.Exchange(ref _connected, null) ?? throw new ReprException(ReprErrorCode.Internal, "The launcher sent no connection to the tool.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _world.Abort(); // a process that waits for an answer cannot die before it has one
        _mounting.Abort();
        _connection.Kill();
        await _ended.Task;
        _connection.Dispose();
        _connected?.Dispose();
        Retire(_world);
        if (await _next is { } next)
        {
            await DropAsync(next);
        }

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

    // The supervisor takes its mounts away when another is made, or at its end.
    private ValueTask DropAsync(ResidentWorld unused)
    {
        Retire(unused);
        return unused.DisposeAsync();
    }

    private async Task<ResidentWorld?> TryPrepareAsync(FileEntry root)
    {
        try
        {
            return await PrepareAsync(root, CancellationToken.None);
        }
        catch (Exception exception) when (exception is ReprException or IOException or UnauthorizedAccessException)
        {
            SpareSandboxes.LogNotMade(_services.Logger, exception.Message); // whoever needs it makes one, and hears of it
            return null;
        }
    }

    // Without files: what the requester's "/" is like is all that has to be known.
    private async Task<ResidentWorld> PrepareAsync(FileEntry root, CancellationToken cancellationToken)
    {
        string staging = StagingDirectory.NewPath(Path.GetDirectoryName(_staging)!, "world");
        Directory.CreateDirectory(staging);
        // In the first action's the tool loads its programs, which the kernel should have once for all sandboxes. After that it reads small files, and to
        // open one should cost nothing.
        ResidentWorld world = _mounting = new(_services, staging, _command, root, _hasServed && FuseKernel.OpensSilently ? FileOpening.Silent : _opening);
        try
        {
            await RunErrandAsync(FrameKind.Prepare, staging + '\0', cancellationToken);
            return world;
        }
        catch
        {
            await DropAsync(world);
            throw;
        }
    }

    private void Keep(SafeFileHandle? connection)
    {
        if (connection is not null)
        {
            _connected = new Socket(new SafeSocketHandle(connection.DangerousGetHandle(), ownsHandle: true));
            connection.SetHandleAsInvalid();
        }
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

    private async Task<SafeFileHandle?> RunErrandAsync(FrameKind kind, string what, CancellationToken cancellationToken)
    {
        TaskCompletionSource<SafeFileHandle?> errand = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _awaited = kind switch
        {
            FrameKind.Prepare => FrameKind.Prepared,
            FrameKind.Enter => FrameKind.Entered,
            _ => FrameKind.Connected,
        };
        _errand = errand;
        if (_ended.Task.IsCompleted)
        {
            throw Gone();
        }

        try
        {
            await _connection.SendErrandAsync(kind, what, cancellationToken);
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
                _mounting.Serve(frame.Descriptor);
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
            case FrameKind.Prepared or FrameKind.Entered or FrameKind.Connected when frame.Kind == _awaited:
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
