using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Repr.Server.Execution;
using Repr.Telemetry;
using Repr.Workspaces.Resident;

namespace Repr.Server.Warm;

/// <summary>
/// Runs commands in servers that stay: each lives in a sandbox of its own, serves one requester's actions one after the other, and sees
/// during each action that action's world and nothing else. Whatever goes wrong with a server ends it, and the command is run by a
/// process of its own. Safe for concurrent use.
/// </summary>
internal sealed partial class WarmTools : IAsyncDisposable
{
    private readonly IReadOnlyList<IWarmTool> _tools;
    private readonly WarmServers? _servers;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>Makes the tools that the workspaces can house.</summary>
    public WarmTools(
        IWorkspaceProvider workspaces, SlotPool slots, string stagingRoot, WarmToolOptions options, TimeProvider time, ILoggerFactory logging)
    {
        _time = time;
        _logger = logging.CreateLogger<WarmTools>();
        IResidentProvider? residents = options.IdleLimit > TimeSpan.Zero ? workspaces as IResidentProvider : null;
        _tools = residents is null ? [] : [new RoslynTool(residents.Socket)];
        _servers = residents is null
            ? null
            : new WarmServers(residents, slots.Count, stagingRoot, options, time, logging.CreateLogger<WarmServers>());
    }

    /// <summary>Runs an action in a server, if it is one for it.</summary>
    /// <param name="request">The action.</param>
    /// <param name="view">
    /// Makes a view of the requester's files, with times from their content or with their own; called at most twice: for the action, and
    /// for the server's start.
    /// </param>
    /// <param name="text">Where the output goes.</param>
    /// <param name="cancellationToken">Ends the action, and the server with it.</param>
    /// <returns>The run; null: the action has to run in a process of its own, and nothing of it has happened.</returns>
    /// <exception cref="ReprException">There is no verdict: a file could not be had.</exception>
    public async Task<ToolPlace?> TryRunAsync(
        ActionRequest request, Func<bool, InputTree> view, IToolText text, CancellationToken cancellationToken)
    {
        Command command = request.Command;
        if (_servers is null || command.TakesInput || command.Terminal is not null || command.SystemPaths.Count > 0)
        {
            return null;
        }

        foreach (IWarmTool tool in _tools)
        {
            if (tool.Recognise(command) is { } plan)
            {
                WarmKey key = WarmKey.Of(tool, request.Caller, plan.Server);
                return _servers.IsUsable(key)
                    ? await TryRunAsync(request, tool, plan, key, _servers, view, text, cancellationToken)
                    : null;
            }
        }

        return null;
    }

    /// <summary>Ends the servers that serve nobody now.</summary>
    public Task EndIdleAsync() => _servers?.EndIdleAsync(static _ => true) ?? Task.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _servers?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<ToolPlace?> TryRunAsync(
        ActionRequest request,
        IWarmTool tool,
        WarmPlan plan,
        WarmKey key,
        WarmServers servers,
        Func<bool, InputTree> view,
        IToolText text,
        CancellationToken cancellationToken)
    {
        InputTree files = view(true);
        (IReadOnlySet<VirtualPath> loadedFrom, IReadOnlyCollection<ObservedInput> certain) = await tool.ReadAsync(request.Command, files, cancellationToken);
        long begun = _time.GetTimestamp();
        WarmServer? server = await servers.FindAsync(key, files, loadedFrom, cancellationToken);
        IResidentWorld? world = null;
        bool isGood = false;
        using Span setup = request.Span.Child("setup");
        using CancellationTokenSource stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            InputTree? start = null;
            if (server is null)
            {
                start = view(false);
                server = await servers.StartAsync(tool, plan, key, start, cancellationToken);
                if (server is null)
                {
                    return null;
                }
            }

            IEnumerable<ObservedInput> known = certain.Where(input => files.Peek(input.Path) is FileFact); // others would be asked for one by one
            world = await server.Resident.EnterAsync(request.Command, files, known, cancellationToken);
            using Socket connection = await server.ConnectAsync(cancellationToken);
            setup.Dispose();
            using Span span = request.Span.Child("tool").Set(TelemetryNames.WarmTool, tool.Name);
            long started = _time.GetTimestamp();
            double cpuMs = server.CpuMs;
            Task<WarmVerdict> running = server.RunAsync(connection, request.Command, stopped.Token);
            using CancellationTokenSource? timeout = request.Command.Timeout is { } limit ? new CancellationTokenSource(limit, _time) : null;
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
            double toolMs = _time.GetElapsedTime(started).TotalMilliseconds;
            await server.NoteAsync(start, files, loadedFrom, cancellationToken);
            foreach (VirtualPath loaded in server.LoadedBy(loadedFrom))
            {
                files.Observed.Note(loaded, ObservedKind.Read);
            }

            ToolRun run = new(exit, _time.GetElapsedTime(begun, started).TotalMilliseconds, toolMs, Math.Max(0, server.CpuMs - cpuMs));
            ToolPlace place = new(files, run, world.CollectChanges(), world);
            if (output.Length > 0)
            {
                await text.WriteAsync(isStandardError: false, output, cancellationToken); // last: it can't be taken back
            }

            isGood = first == running;
            if (isGood)
            {
                server.Resident.PrepareNext();
            }

            world = null;
            return place;
        }
        catch (Exception exception) when (exception is WarmToolException or IOException or SocketException
            || exception is ReprException { Code: ReprErrorCode.Unavailable } && server is not null && (world is null || !world.Failed.IsFaulted))
        {
            Log.Fault(_logger, tool.Name, exception.Message, server?.Resident.LastText.Trim() ?? "");
            return null;
        }
        finally
        {
            await stopped.CancelAsync();
            if (server is not null)
            {
                await servers.GiveBackAsync(server, isGood);
            }

            if (world is not null)
            {
                await world.DisposeAsync();
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "A server of {Tool} did not serve: {Reason}. The command gets a process of its own. It said: {Text}")]
        public static partial void Fault(ILogger logger, string tool, string reason, string text);
    }
}

/// <summary>A tool has ended, and the place where it ran is still there.</summary>
/// <param name="Files">What it saw.</param>
/// <param name="Run">How it went.</param>
/// <param name="Changes">What it changed.</param>
/// <param name="Place">Holds the changed files until it is disposed.</param>
internal sealed record ToolPlace(InputTree Files, ToolRun Run, IReadOnlyList<WorkspaceChange> Changes, IAsyncDisposable Place)
{
    /// <summary>No process lives any more that could have the changed files open.</summary>
    public bool IsOver { get; init; }
}
