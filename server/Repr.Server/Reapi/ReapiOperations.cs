using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Execution;
using Repr.Server.Sessions;
using CoreActionResult = Repr.ActionResult;
using ReapiAction = Repr.Protocol.Reapi.Action;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Reapi;

/// <summary>What the executions of the Remote Execution API need of the worker.</summary>
/// <param name="Reader">Turns blobs into actions.</param>
/// <param name="Executor">Runs them, as it does those of sessions.</param>
/// <param name="Slots">The worker's capacity.</param>
/// <param name="Store">Inputs and outputs.</param>
/// <param name="Results">What is known already.</param>
/// <param name="TextDirectory">Where tools' text is kept while they run.</param>
internal sealed record ReapiResources(
    ActionReader Reader, ActionExecutor Executor, SlotPool Slots, ILocalContentStore Store, ActionResults Results, string TextDirectory);

/// <summary>
/// Runs actions of the Remote Execution API: equal ones once, and what has a result not at all. Safe for concurrent use. Disposing stops
/// all and waits for their end.
/// </summary>
internal sealed partial class ReapiOperations(ReapiResources resources, WorkerIdentity identity, TimeProvider time, ILogger<ReapiOperations> logger)
    : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Digest, ReapiOperation> _shared = [];
    private readonly Dictionary<string, ReapiOperation> _named = new(StringComparer.Ordinal);
    private readonly Dictionary<ReapiOperation, Task> _running = [];
    private readonly Queue<(DateTimeOffset Until, ReapiOperation Operation)> _over = new();
    private readonly LeaseQueue _leases = new(time);

    /// <summary>
    /// Begins to run an action, or joins one that runs, or finds its result. The caller has joined the operation
    /// (<see cref="ReapiOperation.TryJoin"/>).
    /// </summary>
    /// <param name="action">Which.</param>
    /// <param name="skipCache">Do not take a known result.</param>
    /// <param name="description">For people; null: what the action is named by.</param>
    /// <param name="cancellationToken">Stops the preparation, not the operation.</param>
    /// <exception cref="ReapiException">It cannot be begun.</exception>
    /// <exception cref="ReprException">The same.</exception>
    public async Task<ReapiOperation> StartAsync(Digest action, bool skipCache, string? description, CancellationToken cancellationToken)
    {
        if (TryJoin(action) is { } running)
        {
            return running;
        }

        IContentLease lease = resources.Store.Lease();
        try
        {
            lease.Add(action);
            ReapiAction message = await resources.Reader.ReadAsync(action, cancellationToken);
            if (!skipCache && !message.DoNotCache && await resources.Results.FindAsync(action, cancellationToken) is { } known)
            {
                lease.Dispose();
                ReapiOperation done = new(action, time);
                done.TryJoin();
                done.Complete(new ExecuteResponse { Result = known, CachedResult = true, Status = new() });
                return done;
            }

            PreparedAction prepared = await resources.Reader.PrepareAsync(
                message, description ?? $"action {action.HashText[..12]}", lease, cancellationToken);
            return Start(action, message.DoNotCache, prepared, lease);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>The operation of a name, running or over for less than two minutes; else null.</summary>
    public ReapiOperation? Find(string name)
    {
        lock (_lock)
        {
            return _named.GetValueOrDefault(name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_lock)
        {
            foreach (ReapiOperation operation in _running.Keys)
            {
                operation.Cancel();
            }

            running = [.. _running.Values];
        }

        await Task.WhenAll(running);
        _leases.Dispose();
    }

    private ReapiOperation? TryJoin(Digest action)
    {
        lock (_lock)
        {
            return _shared.TryGetValue(action, out ReapiOperation? running) && running.TryJoin() ? running : null;
        }
    }

    // From here on the lease is the operation's, unless this throws or finds another.
    private ReapiOperation Start(Digest action, bool isAlone, PreparedAction prepared, IContentLease lease)
    {
        lock (_lock)
        {
            if (!isAlone && TryJoin(action) is { } running)
            {
                lease.Dispose();
                return running;
            }

            if (_running.Count >= resources.Slots.Count + identity.QueueLimit)
            {
                throw ReapiException.From(new ReprException(
                    ReprErrorCode.Exhausted,
                    $"The worker '{identity.WorkerId}' is full: {resources.Slots.Count} slots and {identity.QueueLimit} waiting actions. "
                    + "Try again later, with fewer --jobs, or raise its --queue-limit."));
            }

            Forget();
            ReapiOperation operation = new(action, time);
            operation.TryJoin();
            _named.Add(operation.Name, operation);
            if (!isAlone)
            {
                _shared[action] = operation;
            }

            _running.Add(operation, Task.Run(() => RunAsync(operation, isAlone, prepared, lease), CancellationToken.None));
            return operation;
        }
    }

    private async Task RunAsync(ReapiOperation operation, bool isAlone, PreparedAction prepared, IContentLease lease)
    {
        ExecuteResponse response = new();
        try
        {
            response = await ExecuteAsync(operation, isAlone, prepared, lease);
        }
        catch (OperationCanceledException)
        {
            response.Status = ReapiException.NewStatus(Code.Cancelled, "The action was cancelled.");
        }
        catch (ReprException) when (prepared.Inputs.Lost.Count > 0)
        {
            response.Status = ReapiException.Missing(prepared.Inputs.Lost).Status;
        }
        catch (ReprException failure)
        {
            response.Status = ReapiException.From(failure).Status;
        }
        catch (ReapiException failure)
        {
            response.Status = failure.Status;
        }
#pragma warning disable CA1031 // the border of an action: whatever went wrong ends this action, and is told to both sides
        catch (Exception defect)
#pragma warning restore CA1031
        {
            Log.ActionBroke(logger, prepared.Request.Description, defect);
            response.Status = ReapiException.NewStatus(Code.Internal, $"The worker '{identity.WorkerId}' failed: {defect.Message}");
        }

        if (response.Status.Code is not ((int)Code.Ok or (int)Code.DeadlineExceeded))
        {
            Log.ActionFailed(logger, prepared.Request.Description, (Code)response.Status.Code, response.Status.Message);
        }

        _leases.Add(lease);
        lock (_lock)
        {
            if (_shared.TryGetValue(operation.Action, out ReapiOperation? shared) && shared == operation)
            {
                _shared.Remove(operation.Action);
            }

            _running.Remove(operation);
            _over.Enqueue((time.GetUtcNow() + LeaseQueue.KeptFor, operation));
        }

        operation.Complete(response);
    }

    private async Task<ExecuteResponse> ExecuteAsync(ReapiOperation operation, bool isAlone, PreparedAction prepared, IContentLease lease)
    {
        CancellationToken stopped = operation.Stopped;
        DateTimeOffset queued = time.GetUtcNow();
        DateTimeOffset started = queued;
        await using SpooledText text = new(Path.Combine(resources.TextDirectory, Guid.NewGuid().ToString("N")));
        ActionRequest request = prepared.Request with
        {
            OnStarted = () =>
            {
                started = time.GetUtcNow();
                operation.Start();
            },
        };
        InputTree files = new(request.Inputs, resources.Store, lease, prepared.Inputs, [], stopped);
        CoreActionResult run = (await resources.Executor.ExecuteAsync(request, files, text, NoInput.Instance, lease, stopped)).Result;
        ReapiActionResult result = await new ResultBuilder(prepared, run, resources.Store, lease).BuildAsync(stopped);
        result.StdoutDigest = (await text.StoreAsync(isStandardError: false, resources.Store, lease, stopped))?.ToReapi();
        result.StderrDigest = (await text.StoreAsync(isStandardError: true, resources.Store, lease, stopped))?.ToReapi();
        result.ExecutionMetadata = MetadataOf(run.Timings, queued, started);
        if (run.Exit.Kind == ExitKind.TimedOut)
        {
            return new ExecuteResponse
            {
                Result = result,
                Status = ReapiException.NewStatus(
                    Code.DeadlineExceeded, $"The action ran longer than its timeout of {request.Command.Timeout!.Value.TotalSeconds} s, and was ended."),
            };
        }

        if (run.Exit is { Kind: ExitKind.Code, Value: 0 } && !isAlone)
        {
            await KeepAsync(operation.Action, result, stopped);
        }

        return new ExecuteResponse { Result = result, Status = new() };
    }

    // Without it the action is run again one day, no more.
    private async Task KeepAsync(Digest action, ReapiActionResult result, CancellationToken cancellationToken)
    {
        try
        {
            await resources.Results.PutAsync(action, result, cancellationToken);
        }
        catch (ReprException failure)
        {
            Log.ResultLost(logger, action, failure.Message);
        }
    }

    private ExecutedActionMetadata MetadataOf(ActionTimings timings, DateTimeOffset queued, DateTimeOffset started)
    {
        DateTimeOffset executing = started.AddMilliseconds(timings.SetupMs);
        DateTimeOffset executed = executing.AddMilliseconds(timings.ToolMs);
        DateTimeOffset collected = executed.AddMilliseconds(timings.CollectMs);
        return new ExecutedActionMetadata
        {
            Worker = identity.WorkerId,
            QueuedTimestamp = queued.ToTimestamp(),
            WorkerStartTimestamp = started.ToTimestamp(),
            InputFetchStartTimestamp = started.ToTimestamp(),
            InputFetchCompletedTimestamp = executing.ToTimestamp(),
            ExecutionStartTimestamp = executing.ToTimestamp(),
            ExecutionCompletedTimestamp = executed.ToTimestamp(),
            OutputUploadStartTimestamp = executed.ToTimestamp(),
            OutputUploadCompletedTimestamp = collected.ToTimestamp(),
            WorkerCompletedTimestamp = collected.ToTimestamp(),
            VirtualExecutionDuration = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(timings.ToolMs)),
        };
    }

    private void Forget()
    {
        DateTimeOffset now = time.GetUtcNow();
        while (_over.TryPeek(out (DateTimeOffset Until, ReapiOperation Operation) oldest) && oldest.Until <= now)
        {
            _named.Remove(_over.Dequeue().Operation.Name);
            oldest.Operation.Dispose();
        }
    }

    private sealed class NoInput : IToolInput
    {
        public static readonly NoInput Instance = new();

        public async IAsyncEnumerable<ToolInput> ReadAllAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            yield break;
        }

        public ValueTask TakenAsync(int bytes, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{Description} has no verdict ({Code}): {Message}")]
        public static partial void ActionFailed(ILogger logger, string description, Code code, string message);

        [LoggerMessage(LogLevel.Error, "{Description} broke")]
        public static partial void ActionBroke(ILogger logger, string description, Exception defect);

        [LoggerMessage(LogLevel.Warning, "The result of the action {Action} could not be kept: {Reason}")]
        public static partial void ResultLost(ILogger logger, Digest action, string reason);
    }
}
