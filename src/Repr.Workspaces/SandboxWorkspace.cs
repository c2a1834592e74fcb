using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces;

/// <summary>What all workspaces of one provider share.</summary>
/// <param name="Launcher">Starts the sandboxes.</param>
/// <param name="TimeProvider">The clock of time-outs and measurements.</param>
/// <param name="Logger">For what goes wrong.</param>
internal sealed record SandboxServices(LauncherProcess Launcher, TimeProvider TimeProvider, ILogger Logger);

/// <summary>A file system that is served from a source.</summary>
/// <param name="Source">What the tool sees.</param>
/// <param name="Tree">What is known of it so far.</param>
/// <param name="Opening">How the kernel is to open files.</param>
/// <param name="Foretold">What lies above it; null: nothing.</param>
internal sealed record ServedFiles(IFileSource Source, FuseTree Tree, FileOpening Opening, ForetoldLayer? Foretold = null);

/// <summary>A workspace on Linux: a sandbox whose root is an overlayfs above a FUSE file system or a directory.</summary>
[SupportedOSPlatform("linux")]
internal sealed class SandboxWorkspace : IWorkspace
{
    private const int FirstOutsideId = 2_000_000;

    private readonly SandboxServices _services;
    private readonly string _staging;
    private readonly string _unused;
    private readonly SpareSandbox? _spare;
    private readonly Command _command;
    private readonly ServedFiles? _served;
    private readonly ILowerLayer _lower;
    private readonly (uint User, uint Group) _outside;
    private readonly SingleRun _run;
    private FuseServer? _server;
    private volatile bool _hasRun;

    /// <summary>Makes a workspace; nothing happens before <see cref="RunAsync"/>.</summary>
    /// <param name="services">What it is made with.</param>
    /// <param name="staging">Its directory.</param>
    /// <param name="outside">The user and group that the kernel knows the tool as.</param>
    /// <param name="command">What will run.</param>
    /// <param name="served">The source to serve; null when the directory "lower" of the staging directory is the lower layer.</param>
    /// <param name="lower">What is known of the lower layer.</param>
    /// <param name="spare">The sandbox, if it is there already; then it has a directory of its own.</param>
    public SandboxWorkspace(
        SandboxServices services,
        string staging,
        (uint User, uint Group) outside,
        Command command,
        ServedFiles? served,
        ILowerLayer lower,
        SpareSandbox? spare = null)
    {
        _services = services;
        _run = new SingleRun(services.Logger);
        _staging = spare?.Staging ?? staging;
        _unused = staging;
        _spare = spare;
        _outside = outside;
        _command = command;
        _served = served;
        _lower = lower;
    }

    /// <summary>Called when the kernel turned out not to serve contents itself.</summary>
    public Action? OnNoPassthrough { get; init; }

    /// <summary>Called when the tool has begun.</summary>
    public Action? OnStarted { get; init; }

    /// <summary>The identity of a slot's tools: as root an unprivileged user of the slot's own, else this process's user.</summary>
    public static (uint User, uint Group) IdentityOf(int slot)
    {
        uint user = LauncherNative.GetEffectiveUserId();
        uint id = (uint)(FirstOutsideId + slot);
        return user == 0 ? (id, id) : (user, LauncherNative.GetEffectiveGroupId());
    }

    /// <inheritdoc/>
    public ValueTask<ToolRun> RunAsync(IToolText text, IToolInput? input, CancellationToken cancellationToken) =>
        _run.RunAsync(() => RunSandboxAsync(text, input, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IReadOnlyList<WorkspaceChange> CollectChanges() => _hasRun
        ? new UpperLayer(Path.Combine(_staging, "upper"), _lower, _command, _services.Logger).Collect()
        : throw new InvalidOperationException("Changes are there only after the command has run.");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _run.DisposeAsync();
        _spare?.Connection.Dispose();
        if ((_server ?? _spare?.Server) is { } server)
        {
            await server.DisposeAsync();
            if (_served!.Opening == FileOpening.Passthrough && !server.Passthrough)
            {
                OnNoPassthrough?.Invoke();
            }

            _server = null;
        }

        StagingDirectory.TryDelete(_staging, _services.Logger);
        if (_unused != _staging)
        {
            StagingDirectory.TryDelete(_unused, _services.Logger);
        }
    }

    private async ValueTask<ToolRun> RunSandboxAsync(IToolText text, IToolInput? input, CancellationToken cancellationToken)
    {
        long begun = _services.TimeProvider.GetTimestamp();
        byte[] request = new ToolRequest(_command).Encode();
        if (_spare is null)
        {
            SandboxRequest sandbox = new(
                _staging, _command, _served is not null, _outside.User, _outside.Group, Foretold: _served?.Foretold?.Number ?? 0);
            request = [.. sandbox.Encode(), .. request];
        }
        else
        {
            _spare.Begin(_served!.Source, _run.Fail);
            Volatile.Write(ref _server, _spare.Server);
        }

        using SandboxConnection connection = _spare?.Connection ?? await _services.Launcher.ConnectAsync(_run.Stopping);
        await SendAsync(connection, request);
        using CancellationTokenRegistration killing = _run.Stopping.UnsafeRegister(_ => Kill(connection), null);

        long started = begun;
        Ending? ending = null;
        CancellationTokenSource? timeout = null;
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(_run.Stopping);
        Task feeding = Task.CompletedTask;
        try
        {
            while (await connection.ReceiveAsync() is { } frame)
            {
                switch (frame.Kind)
                {
                    case FrameKind.Fuse:
                        Serve(frame);
                        break;
                    case FrameKind.Started:
                        started = _services.TimeProvider.GetTimestamp();
                        timeout = StartTimeout(connection);
                        OnStarted?.Invoke();
                        feeding = input is null ? feeding : FeedAsync(connection, input, ended.Token);
                        break;
                    case FrameKind.Taken when input is not null:
                        await input.TakenAsync(MemoryMarshal.Read<int>(frame.Data.Span), _run.Stopping);
                        break;
                    case FrameKind.StandardOutput or FrameKind.StandardError:
                        await DeliverAsync(text, frame);
                        break;
                    case FrameKind.Failed:
                        _run.Fail(SandboxFailure.Explain(_command, frame.Data.Span));
                        break;
                    case FrameKind.Exited:
                        ending = MemoryMarshal.Read<Ending>(frame.Data.Span);
                        break;
                }
            }
        }
        finally
        {
            timeout?.Dispose();
            await ended.CancelAsync();
            await feeding;
        }

        cancellationToken.ThrowIfCancellationRequested();
        _hasRun = true;
        ToolExit exit = Judge(ending, timeout is { IsCancellationRequested: true });
        return new ToolRun(
            exit,
            _services.TimeProvider.GetElapsedTime(begun, started).TotalMilliseconds,
            _services.TimeProvider.GetElapsedTime(started).TotalMilliseconds,
            (ending!.Value.UserUs + ending.Value.SystemUs) / 1000.0,
            ending.Value.PeakBytes);
    }

    private async ValueTask SendAsync(SandboxConnection connection, byte[] request)
    {
        try
        {
            await connection.SendAsync(request, _run.Stopping);
        }
        catch (SocketException exception)
        {
            throw new ReprException(ReprErrorCode.Unavailable, "The launcher of sandboxes went away. Try again.", exception);
        }
    }

    private static async Task FeedAsync(SandboxConnection connection, IToolInput input, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (ToolInput next in input.ReadAllAsync(cancellationToken))
            {
                await connection.SendAsync(next, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The tool has ended; what it did not read is of no interest.
        }
    }

    private void Kill(SandboxConnection connection)
    {
        Volatile.Read(ref _server)?.Abort(); // a process that waits for an answer cannot die before it has one
        connection.Kill();
    }

    private void Serve(Frame frame)
    {
        if (frame.Descriptor is null || _served is null)
        {
            _run.Fail(new ReprException(ReprErrorCode.Internal, "The launcher sent no FUSE device."));
            return;
        }

        FuseServer server = new(
            frame.Descriptor, _served.Tree, _served.Source, (_command.UserId, _command.GroupId), _served.Opening, _run.Fail, _services.Logger);
        Volatile.Write(ref _server, server);
        if (_run.Stopping.IsCancellationRequested)
        {
            server.Abort();
        }

        server.Start();
    }

    private CancellationTokenSource? StartTimeout(SandboxConnection connection)
    {
        if (_command.Timeout is not { } limit)
        {
            return null;
        }

        CancellationTokenSource timeout = new(limit, _services.TimeProvider);
        timeout.Token.UnsafeRegister(_ => Kill(connection), null);
        return timeout;
    }

    private async ValueTask DeliverAsync(IToolText text, Frame frame)
    {
        if (_run.Stopping.IsCancellationRequested)
        {
            return; // read on all the same: a full pipe would hold the end back
        }

        try
        {
            await text.WriteAsync(frame.Kind == FrameKind.StandardError, frame.Data, _run.Stopping);
        }
        catch (OperationCanceledException) when (_run.Stopping.IsCancellationRequested)
        {
            // The end of the sandbox is near.
        }
        catch (Exception exception)
        {
            _run.FailText(exception);
        }
    }

    private ToolExit Judge(Ending? ending, bool timedOut)
    {
        _run.ThrowIfFailed();
        return ending switch
        {
            { ByItself: not 0 } itself => (itself.WaitStatus & 0x7f) is int signal and not 0
                ? new ToolExit(ExitKind.Signal, signal)
                : new ToolExit(ExitKind.Code, (itself.WaitStatus >> 8) & 0xff),
            not null when timedOut => new ToolExit(ExitKind.TimedOut, 0),
            _ => throw new ReprException(
                ReprErrorCode.Unavailable,
                $"The sandbox of '{_command.Program}' was killed from outside, perhaps for want of memory. Try again."),
        };
    }

    // struct ending of launch.h.
    [StructLayout(LayoutKind.Sequential)]
    private struct Ending
    {
        public int WaitStatus;
        public int ByItself;
        public long UserUs;
        public long SystemUs;
        public long PeakBytes;
    }
}
