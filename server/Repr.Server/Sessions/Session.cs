using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Repr.Farm;
using Repr.Protocol;
using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Presence;
using Repr.Server.Results;
using Repr.Server.Scheduling;
using Repr.Server.Security;
using Repr.Server.Telemetry;
using Repr.Telemetry;

namespace Repr.Server.Sessions;

/// <summary>What a worker says about itself in a session.</summary>
/// <param name="WorkerId">Stable name of this worker.</param>
/// <param name="ProductVersion">Version of Repr.</param>
/// <param name="Platform">As in "linux-x64".</param>
/// <param name="Workspace">Name of the workspace provider.</param>
/// <param name="QueueLimit">Actions of one session that may wait.</param>
/// <param name="ContentGroup">What the workers have in common that give each other content; empty: this one gives its own to nobody.</param>
internal sealed record WorkerIdentity(string WorkerId, string ProductVersion, string Platform, string Workspace, int QueueLimit, string ContentGroup = "");

/// <summary>
/// One requester's stream: dispatches its messages to actions and theirs back. Lives as long as the stream; its end stops all
/// actions. Knows the messages of session.proto, not gRPC.
/// </summary>
internal sealed partial class Session(
    string caller,
    WorkerIdentity identity,
    CachedExecutor executor,
    SlotPool slots,
    OwnerGate gate,
    InputSets inputSets,
    ILocalContentStore store,
    WorkerTelemetry telemetry,
    TimeProvider time,
    ILogger<Session> logger,
    FarmNode? farm = null)
{
    private static readonly TimeSpan LoadInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<ulong, ActionSession> _actions = new();
    private readonly ConcurrentDictionary<ulong, Task> _running = new();
    private int _waiting;
    private string _requester = "";
    private bool _readsObservedSets;
    private bool _answersMany;

    /// <summary>Serves the stream until the requester ends it.</summary>
    /// <param name="incoming">The requester's messages.</param>
    /// <param name="outgoing">Where ours go; left open.</param>
    /// <param name="cancellationToken">The stream is broken, or the worker stops.</param>
    public async Task RunAsync(
        IAsyncEnumerable<RequesterMessage> incoming, ChannelWriter<WorkerMessage> outgoing, CancellationToken cancellationToken)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using LeaseQueue leases = new(time);
        Task load = Task.CompletedTask;
        try
        {
            await using IAsyncEnumerator<RequesterMessage> messages = incoming.GetAsyncEnumerator(cancellationToken);
            if (!await messages.MoveNextAsync() || !await WelcomeAsync(messages.Current, outgoing, cancellationToken))
            {
                return;
            }

            load = ReportLoadAsync(outgoing, ended.Token);
            while (await messages.MoveNextAsync())
            {
                if (!await DispatchAsync(messages.Current, outgoing, leases, ended.Token))
                {
                    return;
                }
            }
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(_running.Values.Append(load));
        }
    }

    private async ValueTask<bool> WelcomeAsync(
        RequesterMessage first, ChannelWriter<WorkerMessage> outgoing, CancellationToken cancellationToken)
    {
        string? problem = first.MessageCase != RequesterMessage.MessageOneofCase.Hello
            ? "The first message of a session is Hello. Connect with a Repr requester."
            : first.Hello.ProtocolMajor != WireConversions.ProtocolMajor
            ? $"The worker speaks protocol {WireConversions.ProtocolMajor}.{WireConversions.ProtocolMinor} (Repr {identity.ProductVersion}), "
                + $"the requester {first.Hello.ProtocolMajor}.{first.Hello.ProtocolMinor} (Repr {first.Hello.ProductVersion}). "
                + "Install the same version of Repr on both."
            : first.Hello.PathStyle != PathStyle.Unix && !OperatingSystem.IsWindows()
            ? "This worker runs on Linux and shows Unix paths only. Use a worker on Windows for a requester on Windows."
            : null;
        if (problem is not null)
        {
            await RefuseAsync(problem, outgoing, cancellationToken);
            return false;
        }

        _requester = first.Hello.Requester;
        _readsObservedSets = first.Hello.ProtocolMinor >= 1;
        _answersMany = first.Hello.ProtocolMinor >= 2;
        Log.SessionStarted(logger, first.Hello.Requester, caller, first.Hello.ProductVersion);
        await outgoing.WriteAsync(
            new WorkerMessage
            {
                Welcome = new Welcome
                {
                    ProtocolMajor = WireConversions.ProtocolMajor,
                    ProtocolMinor = WireConversions.ProtocolMinor,
                    ProductVersion = identity.ProductVersion,
                    Slots = (uint)slots.Count,
                    QueueLimit = (uint)identity.QueueLimit,
                    WorkerId = identity.WorkerId,
                    Platform = identity.Platform,
                    Workspace = identity.Workspace,
                    ContentGroup = identity.ContentGroup,
                },
            },
            cancellationToken);
        return true;
    }

    private async ValueTask RefuseAsync(string problem, ChannelWriter<WorkerMessage> outgoing, CancellationToken cancellationToken)
    {
        Log.SessionRefused(logger, problem);
        await outgoing.WriteAsync(
            new WorkerMessage { Refusal = new Refusal { Code = FailureCode.InvalidRequest, Message = problem } }, cancellationToken);
    }

    private async ValueTask<bool> DispatchAsync(
        RequesterMessage message, ChannelWriter<WorkerMessage> outgoing, LeaseQueue leases, CancellationToken ended)
    {
        switch (message.MessageCase)
        {
            case RequesterMessage.MessageOneofCase.Execute:
                ulong id = message.Execute.ActionId;
                Span span = WorkerTelemetry.Begin(message.Execute.Description, message.Execute.TraceParent);
                ActionSession action = new(id, outgoing, span, telemetry.Metrics, _answersMany, ended);
                if (!_actions.TryAdd(id, action))
                {
                    action.Dispose();
                    await RefuseAsync($"Action {id} is running already; ids are unique within a session.", outgoing, ended);
                    return false;
                }

                _running[id] = Task.Run(() => RunActionAsync(message.Execute, action, outgoing, leases, ended), CancellationToken.None);
                return true;
            case RequesterMessage.MessageOneofCase.FileAnswer:
                if (_actions.TryGetValue(message.FileAnswer.ActionId, out ActionSession? asking))
                {
                    asking.Answer(message.FileAnswer);
                }

                return true;
            case RequesterMessage.MessageOneofCase.PathsAnswer:
                if (_actions.TryGetValue(message.PathsAnswer.ActionId, out ActionSession? askingMany))
                {
                    askingMany.Answer(message.PathsAnswer);
                }

                return true;
            case RequesterMessage.MessageOneofCase.Cancel:
                if (_actions.TryGetValue(message.Cancel.ActionId, out ActionSession? cancelled))
                {
                    cancelled.Stop();
                }

                return true;
            case RequesterMessage.MessageOneofCase.ActionInput:
                if (_actions.TryGetValue(message.ActionInput.ActionId, out ActionSession? taking) && !taking.TryTake(message.ActionInput.Input))
                {
                    taking.Stop(); // more than was agreed, or nothing that can be sent: not our requester
                }

                return true;
            case RequesterMessage.MessageOneofCase.Hello:
                await RefuseAsync("A session has one Hello, at its start.", outgoing, ended);
                return false;
            default:
                return true; // a message of a later minor version
        }
    }

    private async Task RunActionAsync(
        Execute execute, ActionSession action, ChannelWriter<WorkerMessage> outgoing, LeaseQueue leases, CancellationToken ended)
    {
        WorkerMessage completed = new();
        IContentLease lease = store.Lease();
        long start = Stopwatch.GetTimestamp();
        try
        {
            using FarmNode.LeaseUse? use = execute.Lease is { } slotLease ? farm?.Enter(OwnLease(slotLease)) : null;
            ActionResult result = await ExecuteAsync(execute, action, lease, use);
            completed.Completed = result.ToWire(execute.ActionId);
            completed.Completed.QuestionWaits.AddRange(action.Waits);
            await StoreObservedAsync(completed.Completed, lease, action.Stopped);
            telemetry.End(action.Span, start, execute.Description, result);
        }
        catch (OperationCanceledException)
        {
            completed.Completed = Failed(execute.ActionId, new ReprException(ReprErrorCode.Cancelled, "The action was cancelled."));
        }
        catch (ReprException failure)
        {
            Log.ActionFailed(logger, execute.Description, failure.Code, failure.Message);
            completed.Completed = Failed(execute.ActionId, failure);
        }
#pragma warning disable CA1031 // the border of an action: whatever went wrong ends this action, not the session, and is told to both sides
        catch (Exception defect)
#pragma warning restore CA1031
        {
            Log.ActionBroke(logger, execute.Description, defect);
            completed.Completed = Failed(
                execute.ActionId, new ReprException(ReprErrorCode.Internal, $"The worker '{identity.WorkerId}' failed: {defect.Message}"));
        }

        if (completed.Completed.Failure is { } why)
        {
            telemetry.Fail(action.Span, start, execute.Description, (ReprErrorCode)why.Code, why.Message);
        }

        leases.Add(lease);
        _actions.TryRemove(execute.ActionId, out _);
        _running.TryRemove(execute.ActionId, out _);
        action.Dispose();
        try
        {
            await outgoing.WriteAsync(completed, ended);
        }
        catch (Exception gone) when (gone is OperationCanceledException or ChannelClosedException)
        {
            Log.RequesterGone(logger, execute.Description);
        }
    }

    private SlotLease OwnLease(Lease wire)
    {
        SlotLease lease = wire.ToLease();
        return caller == CallerHandler.Anybody || lease.Ask.Account.User == caller
            ? lease
            : throw new ReprException(ReprErrorCode.InvalidRequest, $"'{caller}' brings a lease of '{lease.Ask.Account.User}'.");
    }

    private async Task<ActionResult> ExecuteAsync(Execute execute, ActionSession action, IContentLease lease, FarmNode.LeaseUse? use)
    {
        Digest[] digests = [.. execute.InputSets.Select(WireConversions.ToCore)];
        await inputSets.AddAsync(execute.AttachedSets, digests, lease, action.Stopped);
        IReadOnlyList<Execution.InputSet> sets = await inputSets.ReadAsync(digests, lease, action.Stopped);
        foreach ((string name, string value) in sets.SelectMany(set => set.Environment))
        {
            execute.Command.Environment[name] = value;
        }

        ActionRequest request = new(
            execute.Command.ToCore(),
            [.. sets.SelectMany(set => set.Facts), .. execute.Inputs.Select(WireConversions.ToCore)],
            execute.Description,
            action.Span)
        {
            Caching = execute.Cache.ToCore(),
            Caller = $"{caller}\0{_requester}",
            ReadRoots = [.. sets.SelectMany(set => set.ReadRoots)],
            OnStarted = use is null ? null : use.Start,
        };
        if (Interlocked.Increment(ref _waiting) > slots.Count + identity.QueueLimit)
        {
            Interlocked.Decrement(ref _waiting);
            throw new ReprException(
                ReprErrorCode.Exhausted,
                $"The worker '{identity.WorkerId}' is full: {slots.Count} slots and {identity.QueueLimit} waiting actions of this session.");
        }

        try
        {
            ActionResult result = await executor.ExecuteAsync(request, caller, action, action, action, lease, action.Stopped);
            use?.Outcome = LeaseOutcome.Done;
            return result;
        }
        catch (Exception defect) when (use is not null && gate.IsOpen && IsWorkersFault(defect) && !action.Stopped.IsCancellationRequested)
        {
            use.Outcome = LeaseOutcome.Failed;
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private static bool IsWorkersFault(Exception defect) => defect is ReprException failure
        ? failure.Code is ReprErrorCode.Unavailable or ReprErrorCode.Internal or ReprErrorCode.Exhausted
        : defect is not OperationCanceledException;

    // What was looked at is often the same, and longer than all the rest of the answer.
    private async Task StoreObservedAsync(Completed completed, IContentLease lease, CancellationToken cancellationToken)
    {
        if (!_readsObservedSets || completed.ObservedInputs.Count == 0)
        {
            return;
        }

        ObservedSet set = new();
        set.Inputs.AddRange(completed.ObservedInputs.OrderBy(input => input.Path, StringComparer.Ordinal));
        byte[] bytes = set.ToByteArray();
        Digest digest = Repr.Digest.Compute(bytes);
        using MemoryStream content = new(bytes, writable: false);
        await store.PutAsync(digest, content, cancellationToken);
        lease.Add(digest);
        completed.ObservedInputs.Clear();
        completed.ObservedSet = digest.ToWire();
    }

    private static Completed Failed(ulong actionId, ReprException failure) => new() { ActionId = actionId, Failure = failure.ToWire() };

    private async Task ReportLoadAsync(ChannelWriter<WorkerMessage> outgoing, CancellationToken ended)
    {
        Channel<bool> changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Note() => changes.Writer.TryWrite(true);
        slots.Changed += Note;
        try
        {
            await foreach (bool _ in changes.Reader.ReadAllAsync(ended))
            {
                await outgoing.WriteAsync(
                    new WorkerMessage
                    {
                        Load = new Load { Running = (uint)slots.Running, Queued = (uint)slots.Queued, Slots = (uint)slots.Count },
                    },
                    ended);
                await Task.Delay(LoadInterval, time, ended);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or ChannelClosedException)
        {
            // The session's end is the load report's end.
        }
        finally
        {
            slots.Changed -= Note;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Session of {Requester}, who is {Caller} (Repr {Version})")]
        public static partial void SessionStarted(ILogger logger, string requester, string caller, string version);

        [LoggerMessage(LogLevel.Warning, "Session refused: {Problem}")]
        public static partial void SessionRefused(ILogger logger, string problem);

        [LoggerMessage(LogLevel.Warning, "{Description} has no verdict ({Code}): {Message}")]
        public static partial void ActionFailed(ILogger logger, string description, ReprErrorCode code, string message);

        [LoggerMessage(LogLevel.Error, "{Description} broke")]
        public static partial void ActionBroke(ILogger logger, string description, Exception defect);

        [LoggerMessage(LogLevel.Information, "{Description} ended after its requester")]
        public static partial void RequesterGone(ILogger logger, string description);
    }
}
