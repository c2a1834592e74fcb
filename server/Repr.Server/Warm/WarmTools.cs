using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Repr.Server.Execution;
using Repr.Telemetry;
using Repr.Workspaces.Resident;

namespace Repr.Server.Warm;

/// <summary>How long servers of tools are kept.</summary>
/// <param name="IdleLimit">A server that nobody used for so long is ended; zero: there are no servers.</param>
/// <param name="MemoryLimitBytes">One that occupies more after an action is ended.</param>
internal sealed record WarmToolOptions(TimeSpan IdleLimit, long MemoryLimitBytes);

/// <summary>
/// Runs commands in servers that stay: each lives in a sandbox of its own, serves one requester's actions one after the other, and sees
/// during each action that action's world and nothing else. Whatever goes wrong with a server ends it, and the command is run by a
/// process of its own. Safe for concurrent use.
/// </summary>
internal sealed partial class WarmTools(
    IWorkspaceProvider workspaces,
    SlotPool slots,
    string stagingRoot,
    WarmToolOptions options,
    TimeProvider time,
    ILogger<WarmTools> logger) : IAsyncDisposable
{
    private const int MaximumLingeringWorlds = 64;
    private const int MaximumServed = 2000; // what a plugin of the tool leaks is limited too

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30);

    private readonly IReadOnlyList<IWarmTool> _tools = workspaces is IResidentProvider residents ? [new RoslynTool(residents.Socket)] : [];
    private readonly Lock _lock = new();
    private readonly List<WarmServer> _idle = [];
    private readonly SortedSet<int> _numbers = [.. Enumerable.Range(slots.Count, slots.Count)]; // beyond those of cold actions
    private readonly HashSet<WarmKey> _unusable = [];
    private ITimer? _sweeper;
    private bool _disposed;

    /// <summary>Servers that are alive.</summary>
    public int Count => slots.Count - _numbers.Count;

    /// <summary>Runs an action in a server, if it is one for it.</summary>
    /// <param name="request">The action.</param>
    /// <param name="view">Makes the action's view of the requester's files; called at most twice: for the server, and for the action.</param>
    /// <param name="text">Where the output goes.</param>
    /// <param name="cancellationToken">Ends the action, and the server with it.</param>
    /// <returns>The run; null: the action has to run in a process of its own, and nothing of it has happened.</returns>
    /// <exception cref="ReprException">There is no verdict: a file could not be had.</exception>
    public async Task<ToolPlace?> TryRunAsync(
        ActionRequest request, Func<InputTree> view, IToolText text, CancellationToken cancellationToken)
    {
        Command command = request.Command;
        if (options.IdleLimit <= TimeSpan.Zero || command.TakesInput || command.Terminal is not null || command.SystemPaths.Count > 0)
        {
            return null;
        }

        foreach (IWarmTool tool in _tools)
        {
            if (tool.Recognise(command) is { } plan)
            {
                WarmKey key = WarmKey.Of(tool, request.Caller, plan.Server);
                lock (_lock)
                {
                    if (_unusable.Contains(key))
                    {
                        return null;
                    }
                }

                return await TryRunAsync(request, tool, plan, key, view, text, cancellationToken);
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        WarmServer[] left;
        lock (_lock)
        {
            _disposed = true;
            left = [.. _idle];
            _idle.Clear();
        }

        if (_sweeper is not null)
        {
            await _sweeper.DisposeAsync();
        }

        foreach (WarmServer server in left)
        {
            await server.DisposeAsync();
        }
    }

    private async Task<ToolPlace?> TryRunAsync(
        ActionRequest request, IWarmTool tool, WarmPlan plan, WarmKey key, Func<InputTree> view, IToolText text, CancellationToken cancellationToken)
    {
        InputTree files = view();
        IReadOnlySet<VirtualPath> loadedFrom = await tool.LoadedFromAsync(request.Command, files, cancellationToken);
        long begun = time.GetTimestamp();
        WarmServer? server = await FindAsync(key, files, loadedFrom, cancellationToken);
        IResidentWorld? world = null;
        bool isGood = false;
        using Span setup = request.Span.Child("setup");
        using CancellationTokenSource stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            server ??= await StartAsync(tool, plan, key, view, cancellationToken);
            if (server is null)
            {
                return null;
            }

            world = await server.Resident.EnterAsync(NewStaging(), request.Command, files, cancellationToken);
            using Socket connection = await server.ConnectAsync(time, cancellationToken);
            setup.Dispose();
            using Span span = request.Span.Child("tool").Set(TelemetryNames.WarmTool, tool.Name);
            long started = time.GetTimestamp();
            double cpuMs = server.CpuMs;
            Task<WarmVerdict> running = server.RunAsync(connection, request.Command, stopped.Token);
            using CancellationTokenSource? timeout = request.Command.Timeout is { } limit ? new CancellationTokenSource(limit, time) : null;
            Task expired = timeout is null ? Task.Delay(Timeout.Infinite, stopped.Token) : Task.Delay(Timeout.Infinite, timeout.Token);
            Task first = await Task.WhenAny(running, world.Failed, expired);
            ToolExit exit = new(ExitKind.TimedOut, 0);
            ReadOnlyMemory<byte> output = default;
            cancellationToken.ThrowIfCancellationRequested();
            if (first == world.Failed || world.Failed.IsFaulted)
            {
                await world.Failed; // the verdict of a tool that could not read a file is none
            }

            if (first == running)
            {
                WarmVerdict verdict = await running;
                exit = new ToolExit(ExitKind.Code, verdict.ExitCode);
                output = verdict.Output;
            }

            span.Dispose();
            double toolMs = time.GetElapsedTime(started).TotalMilliseconds;
            await server.NoteAsync(files, loadedFrom, cancellationToken);
            foreach (VirtualPath loaded in server.Loaded)
            {
                files.Observed.Note(loaded, ObservedKind.Read);
            }

            if (output.Length > 0)
            {
                await text.WriteAsync(isStandardError: false, output, cancellationToken);
            }

            ToolRun run = new(exit, time.GetElapsedTime(begun, started).TotalMilliseconds, toolMs, Math.Max(0, server.CpuMs - cpuMs));
            ToolPlace place = new(files, run, world.CollectChanges(), world);
            isGood = first == running;
            world = null;
            return place;
        }
        catch (Exception exception) when (exception is WarmToolException or IOException or SocketException
            || exception is ReprException { Code: ReprErrorCode.Unavailable } && server is not null && (world is null || !world.Failed.IsFaulted))
        {
            Log.Fault(logger, tool.Name, exception.Message, server?.Resident.LastText.Trim() ?? "");
            return null;
        }
        finally
        {
            await stopped.CancelAsync();
            if (server is not null)
            {
                await GiveBackAsync(server, isGood);
            }

            if (world is not null)
            {
                await world.DisposeAsync();
            }
        }
    }

    private async Task<WarmServer?> FindAsync(
        WarmKey key, InputTree files, IReadOnlySet<VirtualPath> loadedFrom, CancellationToken cancellationToken)
    {
        while (true)
        {
            WarmServer? server;
            lock (_lock)
            {
                server = _idle.FindLast(idle => idle.Key == key);
                if (server is null)
                {
                    return null;
                }

                _idle.Remove(server);
            }

            bool isCurrent = false;
            try
            {
                VirtualPath? changed = server.Resident.Ended.IsCompleted ? VirtualPath.Root : await server.FindChangeAsync(files, loadedFrom, cancellationToken);
                isCurrent = changed is null;
                if (changed is { IsRoot: false } program)
                {
                    Log.Changed(logger, server.Tool.Name, program);
                }
            }
            finally
            {
                if (!isCurrent)
                {
                    await EndAsync(server);
                }
            }

            if (isCurrent)
            {
                return server;
            }
        }
    }

    private async Task<WarmServer?> StartAsync(
        IWarmTool tool, WarmPlan plan, WarmKey key, Func<InputTree> view, CancellationToken cancellationToken)
    {
        InputTree files = view();
        if (await tool.PrepareAsync(plan, files, cancellationToken) is not { } prepared)
        {
            lock (_lock)
            {
                _unusable.Add(key);
            }

            Log.Unusable(logger, plan.Server.Arguments[0]);
            return null;
        }

        int number = await TakeNumberAsync();
        IResidentTool? resident = null;
        try
        {
            long start = Stopwatch.GetTimestamp();
            resident = await ((IResidentProvider)workspaces).StartAsync(NewStaging(), number, plan.Server, files, cancellationToken);
            WarmServer server = new(key, tool, prepared, number, resident, time.GetTimestamp());
            await server.AwaitStartAsync(s_startLimit, time, cancellationToken);
            await server.NoteStartAsync(files, cancellationToken);
            Log.Started(logger, tool.Name, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            return server;
        }
        catch
        {
            if (resident is not null)
            {
                await resident.DisposeAsync();
            }

            lock (_lock)
            {
                _numbers.Add(number);
            }

            throw;
        }
    }

    // There are as many numbers as slots, and an action has a slot: at worst an idle server has to go.
    private async Task<int> TakeNumberAsync()
    {
        while (true)
        {
            WarmServer? oldest;
            lock (_lock)
            {
                if (_numbers.Count > 0)
                {
                    int number = _numbers.Min;
                    _numbers.Remove(number);
                    return number;
                }

                oldest = _idle.MinBy(server => server.LastUsed);
                if (oldest is not null)
                {
                    _idle.Remove(oldest);
                }
            }

            if (oldest is not null)
            {
                await EndAsync(oldest);
            }
            else
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), time); // one is ending
            }
        }
    }

    private async Task GiveBackAsync(WarmServer server, bool isGood)
    {
        long memory = server.MemoryBytes;
        if (memory > options.MemoryLimitBytes)
        {
            Log.TooLarge(logger, server.Tool.Name, memory >> 20);
            isGood = false;
        }

        if (isGood && server.Resident.LingeringWorlds > MaximumLingeringWorlds)
        {
            Log.Lingering(logger, server.Tool.Name, server.Resident.LingeringWorlds);
            isGood = false;
        }

        server.LastUsed = time.GetTimestamp();
        bool isKept = false;
        if (isGood && server.Served < MaximumServed)
        {
            lock (_lock)
            {
                if (!_disposed)
                {
                    _idle.Add(server);
                    isKept = true;
                    _sweeper ??= time.CreateTimer(_ => Sweep(), null, options.IdleLimit / 2, options.IdleLimit / 2);
                }
            }
        }

        if (!isKept)
        {
            await EndAsync(server);
        }
    }

    private void Sweep()
    {
        WarmServer[] old;
        lock (_lock)
        {
            old = [.. _idle.Where(server => time.GetElapsedTime(server.LastUsed) >= options.IdleLimit || server.Resident.Ended.IsCompleted)];
            _idle.RemoveAll(old.Contains);
        }

        foreach (WarmServer server in old)
        {
            _ = EndAsync(server);
        }
    }

    private async Task EndAsync(WarmServer server)
    {
        try
        {
            await server.DisposeAsync();
        }
        finally
        {
            lock (_lock)
            {
                _numbers.Add(server.Number);
            }
        }
    }

    private string NewStaging() => Directory.CreateDirectory(
        Path.Combine(stagingRoot, "warm-" + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture))).FullName;

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "A server of {Tool} was started in {Ms:F0} ms")]
        public static partial void Started(ILogger logger, string tool, double ms);

        [LoggerMessage(LogLevel.Information, "'{Program}' speaks a language that this worker does not know; each of its commands gets a process of its own")]
        public static partial void Unusable(ILogger logger, string program);

        [LoggerMessage(LogLevel.Warning, "A server of {Tool} did not serve: {Reason}. The command gets a process of its own. It said: {Text}")]
        public static partial void Fault(ILogger logger, string tool, string reason, string text);

        [LoggerMessage(LogLevel.Information, "A server of {Tool} is ended since it loaded another '{Program}'")]
        public static partial void Changed(ILogger logger, string tool, VirtualPath program);

        [LoggerMessage(LogLevel.Information, "A server of {Tool} is ended since it maps files of {Worlds} earlier actions")]
        public static partial void Lingering(ILogger logger, string tool, int worlds);

        [LoggerMessage(LogLevel.Information, "A server of {Tool} is ended since it occupies {MiB} MiB")]
        public static partial void TooLarge(ILogger logger, string tool, long mib);
    }
}

/// <summary>A tool has ended, and the place where it ran is still there.</summary>
/// <param name="Files">What it saw.</param>
/// <param name="Run">How it went.</param>
/// <param name="Changes">What it changed.</param>
/// <param name="Place">Holds the changed files until it is disposed.</param>
internal sealed record ToolPlace(InputTree Files, ToolRun Run, IReadOnlyList<WorkspaceChange> Changes, IAsyncDisposable Place);
