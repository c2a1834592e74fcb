using Microsoft.Extensions.Logging;
using Repr.Requester.Actions;
using Repr.Requester.Sessions;

namespace Repr.Requester.Discovery;

/// <summary>
/// Which worker gets an action: the one that its endpoint names or, for <see cref="Any"/>, the one with the most free slots among those
/// that were found. Found workers are connected to when the first action wants one; those that are gone get no more actions and are let go
/// when their last one has ended. Safe for concurrent use.
/// </summary>
internal sealed partial class WorkerPool : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Uri, int> _assigned = [];
    private readonly Dictionary<Uri, Task<WorkerSession>> _opening = [];
    private readonly WorkerSessions _sessions;
    private readonly DiscoveredWorkers _discovered;
    private readonly string? _settings;
    private readonly HashSet<Uri> _told = [];
    private readonly ILogger _log;

    /// <summary>Makes it.</summary>
    /// <param name="sessions">Opens sessions; owned.</param>
    /// <param name="discovered">Who is there; owned.</param>
    /// <param name="settings">Path of the settings file, for messages.</param>
    /// <param name="log">Is told of found workers that can't be used.</param>
    public WorkerPool(WorkerSessions sessions, DiscoveredWorkers discovered, string? settings, ILogger log)
    {
        _log = log;
        _sessions = sessions;
        _discovered = discovered;
        _settings = settings;
        discovered.Gone += LetGo;
    }

    /// <summary>The endpoint that stands for whoever is found.</summary>
    public static Uri Any { get; } = new("repr://discover");

    /// <summary>Takes a worker for an attempt of an action. Dispose the result when that is over.</summary>
    /// <param name="endpoint">A worker's address, or <see cref="Any"/>.</param>
    /// <param name="failed">Workers with which the action has failed; taken only if there is no other.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ActionFailureException">None can be used; the message says why.</exception>
    public async Task<TakenWorker> TakeAsync(Uri endpoint, IReadOnlySet<Uri> failed, CancellationToken cancellationToken)
    {
        if (endpoint != Any)
        {
            WorkerSession named = await _sessions.GetAsync(endpoint, cancellationToken);
            lock (_lock)
            {
                return Assign(endpoint, named);
            }
        }

        IReadOnlySet<Uri> found = await FindAsync(cancellationToken);
        Uri[] others = [.. found.Where(worker => !failed.Contains(worker))];
        Dictionary<Uri, Task<WorkerSession>> opening = (others.Length > 0 ? others : [.. found]).ToDictionary(
            static worker => worker, OpenAsync);
        while (true)
        {
            Task[] pending = [.. opening.Values.Where(static task => !task.IsCompleted)];
            if (TryTake(opening, isLast: pending.Length == 0) is { } taken)
            {
                return taken;
            }

            if (pending.Length == 0)
            {
                throw NoneCanBeUsed(opening);
            }

            await Task.WhenAny(pending).WaitAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _discovered.DisposeAsync();
        await _sessions.DisposeAsync();
    }

    private static ActionFailureException NoneCanBeUsed(Dictionary<Uri, Task<WorkerSession>> opening)
    {
        Exception failure = opening.Values.Select(static task => task.Exception?.InnerException).OfType<Exception>().FirstOrDefault()
            ?? new ReprException(ReprErrorCode.Unavailable, "All sessions were lost.");
        string message = opening.Count == 1 ? failure.Message : $"None of {opening.Count} workers can be used. The first: {failure.Message}";
        return failure is ActionFailureException known
            ? new ActionFailureException(known.MessageCode, known.Code, message, known)
            : new ActionFailureException(MessageCodes.WorkerUnreachable, ReprErrorCode.Unavailable, message, failure);
    }

    private async Task<IReadOnlySet<Uri>> FindAsync(CancellationToken cancellationToken)
    {
        if (!_discovered.IsConfigured)
        {
            throw new ActionFailureException(
                MessageCodes.WrongSettings, ReprErrorCode.InvalidRequest, $"The endpoint {Any} needs a section Discovery in the requester's settings ({_settings}); add one, or name a worker.");
        }

        IReadOnlySet<Uri> found = await _discovered.GetAsync(cancellationToken);
        return found.Count > 0
            ? found
            : throw new ActionFailureException(
                MessageCodes.NoWorkerFound, ReprErrorCode.Unavailable, "Discovery has found no worker; start one, or correct the section Discovery of the requester's settings.");
    }

    // One attempt for all who wait, which no single one's cancellation ends; after a failure it fails at once for a while.
    private Task<WorkerSession> OpenAsync(Uri worker)
    {
        lock (_lock)
        {
            if (!_opening.TryGetValue(worker, out Task<WorkerSession>? opening)
                || opening.IsFaulted
                || (opening.IsCompletedSuccessfully && opening.Result.Loss is not null))
            {
                _opening[worker] = opening = Task.Run(() => OpenOnceAsync(worker));
            }

            return opening;
        }
    }

    private async Task<WorkerSession> OpenOnceAsync(Uri worker)
    {
        try
        {
            WorkerSession session = await _sessions.GetAsync(worker, CancellationToken.None);
            lock (_lock)
            {
                _told.Remove(worker);
            }

            return session;
        }
        catch (ActionFailureException failure)
        {
            bool isNew;
            lock (_lock)
            {
                isNew = _told.Add(worker);
            }

            if (isNew)
            {
                Log.CannotBeUsed(_log, failure.MessageCode, failure.Message);
            }

            throw;
        }
    }

    // Takes none while one that is being connected to might be better.
    private TakenWorker? TryTake(Dictionary<Uri, Task<WorkerSession>> opening, bool isLast)
    {
        lock (_lock)
        {
            (Uri Worker, WorkerSession Session, int Free)? best = null;
            foreach ((Uri worker, Task<WorkerSession> task) in opening.Where(static pair => pair.Value is { IsCompletedSuccessfully: true, Result.Loss: null }))
            {
                WorkerSession session = task.Result;
                int slots = (int)session.Welcome.Slots;

                // Our own, also those that it has not got yet; and what it tells of all requesters.
                int free = slots - Math.Max(_assigned.GetValueOrDefault(worker), session.ReportedLoad);
                if (best is null || free > best.Value.Free || (free == best.Value.Free && slots > best.Value.Session.Welcome.Slots))
                {
                    best = (worker, session, free);
                }
            }

            return best is { } choice && (isLast || choice.Free > 0) ? Assign(choice.Worker, choice.Session) : null;
        }
    }

    private TakenWorker Assign(Uri worker, WorkerSession session)
    {
        _assigned[worker] = _assigned.GetValueOrDefault(worker) + 1;
        return new TakenWorker(worker, session, () => Release(worker));
    }

    private void Release(Uri worker)
    {
        bool isIdle;
        lock (_lock)
        {
            isIdle = --_assigned[worker] == 0;
            if (isIdle)
            {
                _assigned.Remove(worker);
            }
        }

        if (isIdle)
        {
            LetGo([worker]);
        }
    }

    private void LetGo(IReadOnlyCollection<Uri> workers)
    {
        foreach (Uri worker in workers)
        {
            lock (_lock)
            {
                // Only what was found here: a worker that a build names stays connected.
                if (_discovered.Current.Contains(worker) || _assigned.ContainsKey(worker) || !_opening.Remove(worker))
                {
                    continue;
                }
            }

            _ = _sessions.CloseAsync(worker);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "A worker that was found is passed over until it can be used: {Code} {Reason}")]
        public static partial void CannotBeUsed(ILogger log, string code, string reason);
    }
}
