using Microsoft.Extensions.Logging;
using Repr.Requester.Actions;
using Repr.Requester.Sessions;

namespace Repr.Requester.Discovery;

/// <summary>
/// Which worker gets an action: the one that its endpoint names or, for <see cref="Any"/>, the least loaded of those that were found. Found
/// workers are connected to when an action wants one; those that can't be are passed over while another can; those that are gone get no more
/// actions and are let go when their last one has ended. Safe for concurrent use.
/// </summary>
internal sealed partial class WorkerPool : IAsyncDisposable
{
    /// <summary>
    /// How many actions of this process a found worker has at most for each slot: one that runs and one that is prepared. The others wait here,
    /// in order, for whoever has room first, also for workers that are found later.
    /// </summary>
    internal const int ActionsPerSlot = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<Uri, FoundWorker> _found = [];
    private readonly Dictionary<Uri, int> _assigned = [];
    private readonly LinkedList<Waiter> _waiting = new();
    private readonly HashSet<Uri> _told = [];
    private readonly WorkerSessions _sessions;
    private readonly DiscoveredWorkers _discovered;
    private readonly SlowWorkers _slow;
    private readonly string? _settings;
    private readonly ILogger _log;

    /// <summary>Makes it.</summary>
    /// <param name="sessions">Opens sessions; shared with others.</param>
    /// <param name="discovered">Who is there; owned.</param>
    /// <param name="slow">Who gets nothing for a while.</param>
    /// <param name="settings">Path of the settings file, for messages.</param>
    /// <param name="log">Is told of found workers that can't be used.</param>
    public WorkerPool(WorkerSessions sessions, DiscoveredWorkers discovered, SlowWorkers slow, string? settings, ILogger log)
    {
        _sessions = sessions;
        _discovered = discovered;
        _slow = slow;
        _settings = settings;
        _log = log;
        discovered.Changed += Serve;
    }

    /// <summary>The endpoint that stands for whoever is found.</summary>
    public static Uri Any { get; } = new("repr://discover");

    /// <summary>Takes a worker for an attempt of an action. Dispose the result when that is over.</summary>
    /// <param name="endpoint">A worker's address, or <see cref="Any"/>.</param>
    /// <param name="failed">Workers with which the action has failed; taken only if no other can be used.</param>
    /// <param name="timeout">How long it may wait for room on a found worker; null: as long as it takes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ActionFailureException">None can be used, or none had room in time; the message says why.</exception>
    public async Task<TakenWorker> TakeAsync(Uri endpoint, IReadOnlySet<Uri> failed, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (endpoint != Any)
        {
            WorkerSession named = await _sessions.GetAsync(endpoint, cancellationToken);
            lock (_lock)
            {
                return Assign(endpoint, named);
            }
        }

        if (!_discovered.IsConfigured)
        {
            throw new ActionFailureException(
                MessageCodes.WrongSettings, ReprErrorCode.InvalidRequest, $"The endpoint {Any} needs a section Discovery in the requester's settings ({_settings}); add one, or name a worker.");
        }

        await _discovered.WaitForFirstAsync(cancellationToken);
        Waiter waiter = new(failed);
        lock (_lock)
        {
            // Who could not be reached before gets another chance, as far as the open circuit lets it.
            foreach (FoundWorker worker in _found.Values)
            {
                worker.Failure = null;
            }

            _waiting.AddLast(waiter);
        }

        Serve();
        try
        {
            return await waiter.Taken.WaitAsync(timeout ?? Timeout.InfiniteTimeSpan, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            Withdraw(waiter);
            cancellationToken.ThrowIfCancellationRequested();
            throw new ActionFailureException(
                MessageCodes.WorkerFull, ReprErrorCode.Exhausted, $"None of {_discovered.Current.Count} workers had a free slot within {timeout?.TotalSeconds:0} s; add workers or slots.");
        }
    }

    /// <summary>Takes a found worker with a slot that is free now, for a second run: nobody waits for it, and nobody else has to wait because of it.</summary>
    /// <param name="without">Not these.</param>
    /// <returns>Null: there is none.</returns>
    public TakenWorker? TryTakeIdle(IReadOnlySet<Uri> without)
    {
        lock (_lock)
        {
            // Who was lost and is still found is connected to again, for the next look.
            FoundWorker[] workers = [.. _discovered.Current.Select(endpoint => _found.GetValueOrDefault(endpoint)).OfType<FoundWorker>()];
            foreach (FoundWorker worker in workers)
            {
                worker.Failure = null; // as far as the open circuit lets it
                Connect(worker);
            }

            FoundWorker? idle = _waiting.Count > 0 ? null : workers
                .Where(worker => worker.IsConnected && LoadOf(worker) < 1 && !without.Contains(worker.Endpoint) && !_slow.Has(worker.Endpoint))
                .MinBy(LoadOf);
            return idle is null ? null : Assign(idle.Endpoint, idle.Session!);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _discovered.DisposeAsync();

    // Called whenever something may have changed: for those who wait, in order.
    private void Serve()
    {
        List<Uri> gone = [];
        lock (_lock)
        {
            FoundWorker[] workers = Compare(gone);
            for (LinkedListNode<Waiter>? node = _waiting.First; node is not null;)
            {
                LinkedListNode<Waiter>? next = node.Next;
                if (TryServe(node.Value, workers))
                {
                    _waiting.Remove(node);
                }
                else if (node.Value.Failed.Count == 0)
                {
                    break; // Nothing is left for who is less particular, nor for the others.
                }

                node = next;
            }
        }

        foreach (Uri endpoint in gone)
        {
            _ = _sessions.CloseAsync(endpoint);
        }
    }

    // Only what was found here is let go: a worker that a build names stays connected. Returns those that are there.
    private FoundWorker[] Compare(List<Uri> gone)
    {
        IReadOnlySet<Uri> current = _discovered.Current;
        foreach (Uri endpoint in _found.Keys.Where(endpoint => !current.Contains(endpoint) && !_assigned.ContainsKey(endpoint)).ToArray())
        {
            _found.Remove(endpoint);
            _told.Remove(endpoint);
            gone.Add(endpoint);
        }

        foreach (Uri endpoint in current)
        {
            if (!_found.TryGetValue(endpoint, out FoundWorker? worker))
            {
                _found[endpoint] = worker = new FoundWorker(endpoint);
            }

            if (_waiting.Count > 0)
            {
                Connect(worker);
            }
        }

        return [.. current.Select(endpoint => _found[endpoint])];
    }

    private void Connect(FoundWorker worker)
    {
        if (worker is { IsConnected: false, IsOpening: false, Failure: null })
        {
            worker.IsOpening = true;
            worker.Session = null;
            _ = Task.Run(() => OpenAsync(worker));
        }
    }

    private bool TryServe(Waiter waiter, FoundWorker[] all)
    {
        if (all.Length == 0)
        {
            waiter.Fail(new ActionFailureException(
                MessageCodes.NoWorkerFound, ReprErrorCode.Unavailable, $"Discovery has found no worker{_discovered.DescribeFailures()}; start one, or correct the section Discovery in {_settings}."));
            return true;
        }

        FoundWorker[] others = [.. all.Where(worker => !waiter.Failed.Contains(worker.Endpoint))];
        FoundWorker[] fast = [.. others.Where(worker => !_slow.Has(worker.Endpoint))];
        foreach (FoundWorker[] choice in (FoundWorker[][])[fast, others, all])
        {
            if (Best(choice) is { } best)
            {
                waiter.Give(Assign(best.Endpoint, best.Session!));
                return true;
            }

            if (choice.Any(static worker => worker.IsConnected || worker.IsOpening))
            {
                return false;
            }
        }

        waiter.Fail(NoneCanBeUsed(all));
        return true;
    }

    // Least outstanding actions for each slot first; by lot among equals, so that not all requesters begin with the same worker.
    private FoundWorker? Best(FoundWorker[] workers)
    {
        FoundWorker[] free = [.. workers.Where(worker => worker.IsConnected && AssignedTo(worker) < SlotsOf(worker) * (long)ActionsPerSlot)];
        if (free.Length == 0)
        {
            return null;
        }

        // What would only be prepared there does not go by while somebody is connected to who may have a free slot.
        if (free.All(worker => AssignedTo(worker) >= SlotsOf(worker)) && workers.Any(worker => worker.IsOpening && !_told.Contains(worker.Endpoint)))
        {
            return null;
        }

        double least = free.Min(LoadOf);
        FoundWorker[] equals = [.. free.Where(worker => LoadOf(worker) <= least)];
        return equals[Random.Shared.Next(equals.Length)];
    }

    private double LoadOf(FoundWorker worker) => (AssignedTo(worker) + (double)worker.Session!.LoadOfOthers) / SlotsOf(worker);

    private int AssignedTo(FoundWorker worker) => _assigned.GetValueOrDefault(worker.Endpoint);

    private static uint SlotsOf(FoundWorker worker) => Math.Max(1, worker.Session!.Welcome.Slots);

    // One attempt for all who wait, which no single one's cancellation ends.
    private async Task OpenAsync(FoundWorker worker)
    {
        WorkerSession? session = null;
        ActionFailureException? failure = null;
        try
        {
            session = await _sessions.GetAsync(worker.Endpoint, CancellationToken.None);
        }
        catch (ActionFailureException known)
        {
            failure = known;
        }
#pragma warning disable CA1031 // a defect: those who wait are told instead of waiting for ever
        catch (Exception defect)
#pragma warning restore CA1031
        {
            failure = new ActionFailureException(
                MessageCodes.InternalFailure, ReprErrorCode.Internal, $"The worker at {worker.Endpoint} cannot be connected to: {defect.Message}", defect);
        }

        bool isNew;
        lock (_lock)
        {
            worker.IsOpening = false;
            worker.Session = session;
            worker.Failure = failure;
            isNew = failure is null ? _told.Remove(worker.Endpoint) : _told.Add(worker.Endpoint);
        }

        if (failure is not null && isNew)
        {
            Log.CannotBeUsed(_log, failure.MessageCode, failure.Message);
        }

        Serve();
    }

    private TakenWorker Assign(Uri endpoint, WorkerSession session)
    {
        _assigned[endpoint] = _assigned.GetValueOrDefault(endpoint) + 1;
        return new TakenWorker(endpoint, session, () => Release(endpoint));
    }

    private void Release(Uri endpoint)
    {
        lock (_lock)
        {
            if (--_assigned[endpoint] == 0)
            {
                _assigned.Remove(endpoint);
            }
        }

        Serve();
    }

    private void Withdraw(Waiter waiter)
    {
        lock (_lock)
        {
            if (_waiting.Remove(waiter))
            {
                return;
            }
        }

        waiter.GiveBack();
    }

    private static ActionFailureException NoneCanBeUsed(FoundWorker[] workers)
    {
        ActionFailureException? failure = workers.Select(static worker => worker.Failure).FirstOrDefault(static failure => failure is not null);
        string reason = failure?.Message ?? workers[0].Session?.Loss?.Message ?? "All sessions were lost.";
        string message = workers.Length == 1 ? reason : $"None of the {workers.Length} workers that were found can be used. The first: {reason}";
        return new ActionFailureException(
            failure?.MessageCode ?? MessageCodes.WorkerUnreachable, failure?.Code ?? ReprErrorCode.Unavailable, message, failure);
    }

    private sealed class Waiter(IReadOnlySet<Uri> failed)
    {
        private readonly TaskCompletionSource<TakenWorker> _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IReadOnlySet<Uri> Failed => failed;

        public Task<TakenWorker> Taken => _taken.Task;

        public void Give(TakenWorker worker) => _taken.SetResult(worker);

        public void Fail(ActionFailureException failure) => _taken.SetException(failure);

        // It was given one that nobody takes any more.
        public void GiveBack()
        {
            if (_taken.Task.IsCompletedSuccessfully)
            {
                _taken.Task.Result.Dispose();
            }
            else
            {
                _ = _taken.Task.Exception; // seen
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "A worker that was found is passed over until it can be used: {Code} {Reason}")]
        public static partial void CannotBeUsed(ILogger log, string code, string reason);
    }
}
