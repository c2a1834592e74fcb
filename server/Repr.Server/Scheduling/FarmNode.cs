using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Repr.Farm;
using Repr.Server.Execution;
using Repr.Server.Presence;
using Repr.Server.Sessions;

namespace Repr.Server.Scheduling;

/// <summary>
/// This worker as a part of a farm: tells the pool how it is, once a second and when it changes, takes leases as long as it has room, and
/// stands between the pool and the requesters that ask here. Safe for concurrent use.
/// </summary>
/// <param name="identity">Who it is.</param>
/// <param name="slots">Its slots.</param>
/// <param name="gate">Whether it takes actions.</param>
/// <param name="farm">Its settings.</param>
/// <param name="pool">The farm's rules.</param>
/// <param name="scheduler">The pool; owned.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Is told when the pool is lost and found.</param>
internal sealed partial class FarmNode(
    WorkerIdentity identity, SlotPool slots, OwnerGate gate, FarmOptions farm, PoolOptions pool, IScheduler scheduler, TimeProvider time, ILogger<FarmNode> logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan s_beat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_fetching = TimeSpan.FromSeconds(3); // time for requesters to fetch the last outputs
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_reported = TimeSpan.FromMinutes(1); // a pool that is new by then has heard it
    private const int MaximumReports = 100;

    private readonly Lock _lock = new();
    private readonly HashSet<Reservation> _reservations = [];
    private readonly Front _front = new(identity.WorkerId);
    private readonly Admission _admission = new(identity.WorkerId, Guid.NewGuid().ToString("N")[..8], slots.Count, pool);
    private readonly Channel<Over> _over = Channel.CreateUnbounded<Over>(new() { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly long _memory = MachineMemory.AvailableBytes();
    private readonly Queue<(long At, WorkerDifference Difference)> _reports = new();
    private FarmView _view = FarmView.Empty;
    private Task _running = Task.CompletedTask;
    private long _lastBeat;
    private string _endpoint = "";
    private bool _isAway;
    private bool _isDraining;

    /// <summary>The farm, as it was known last.</summary>
    public FarmView View => Volatile.Read(ref _view);

    /// <summary>Whether it takes no more leases.</summary>
    public bool IsDraining => Volatile.Read(ref _isDraining) || !gate.IsOpen;

    /// <summary>Begins to beat.</summary>
    /// <param name="endpoint">Where requesters reach this worker.</param>
    public void Start(string endpoint)
    {
        _endpoint = endpoint;
        _lastBeat = time.GetTimestamp();
        scheduler.Answered += Take;
        _running = Task.WhenAll(BeatAsync(), SendOverAsync());
    }

    /// <summary>Says at once how it is now; if nobody hears it, the next beat does.</summary>
    public async Task SayAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_endpoint.Length > 0)
            {
                Tell(await scheduler.BeatAsync(NewBeat(), cancellationToken));
            }
        }
        catch (SchedulerUnavailableException)
        {
            // It is told by the next beat.
        }
    }

    /// <summary>Takes no more leases, and waits until those that it has are over, and their outputs fetched, or the time is.</summary>
    public async Task DrainAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _isDraining, true);
        long start = time.GetTimestamp();
        long lastUse = start;
        while (time.GetElapsedTime(start) < atMost && time.GetElapsedTime(lastUse) < s_fetching)
        {
            lastUse = _admission.Count > 0 || slots.Running + slots.Queued > 0 ? time.GetTimestamp() : lastUse;
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellationToken);
        }
    }

    /// <summary>Tells the pool, with the next beats, that a worker left something else than others did.</summary>
    public void Report(WorkerDifference difference)
    {
        lock (_lock)
        {
            _reports.Enqueue((time.GetTimestamp(), difference));
            if (_reports.Count > MaximumReports)
            {
                _reports.Dequeue();
            }
        }
    }

    /// <summary>An action comes with a lease. Dispose the result when it has ended.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Exhausted"/>: there is no room for it.</exception>
    public LeaseUse Enter(SlotLease lease) => _admission.TryEnter(lease) is { } reason
        ? throw new ReprException(ReprErrorCode.Exhausted, $"The worker '{identity.WorkerId}' refuses a lease: {reason}.")
        : new LeaseUse(this, lease);

    /// <summary>A requester asks here from now on.</summary>
    public Reservation Open(string user, IEnumerable<SlotLease> held, Action<ReservationAnswer> answer, Action<FarmView> changed)
    {
        Reservation reservation = new(_front, scheduler, user, answer, changed, Close);
        foreach (SlotLease lease in held)
        {
            _front.Hold(reservation, lease);
        }

        lock (_lock)
        {
            _reservations.Add(reservation);
        }

        changed(View);
        return reservation;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _over.Writer.TryComplete();
        await _running;
        scheduler.Answered -= Take;
        await scheduler.DisposeAsync();
        _stop.Dispose();
    }

    private async Task BeatAsync()
    {
        using PeriodicTimer timer = new(s_beat, time);
        try
        {
            do
            {
                try
                {
                    FarmView view = await scheduler.BeatAsync(NewBeat(), _stop.Token);
                    _lastBeat = time.GetTimestamp();
                    if (_isAway)
                    {
                        _isAway = false;
                        Log.PoolIsBack(logger);
                    }

                    Tell(view);
                }
                catch (SchedulerUnavailableException exception)
                {
                    NoteAway(exception.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // It stops.
        }
    }

    private NodeBeat NewBeat() => _front.Fill(_admission.Fill(new NodeBeat
    {
        Node = identity.WorkerId,
        Incarnation = _admission.Incarnation,
        Endpoint = _endpoint,
        Slots = slots.Count,
        Platform = identity.Platform,
        Labels = [.. farm.Labels],
        MemoryBytes = _memory,
        OtherLoad = Math.Max(0, slots.Running + slots.Queued - _admission.Count),
        IsDraining = IsDraining,
        Differences = Reports(),
    }));

    private WorkerDifference[] Reports()
    {
        lock (_lock)
        {
            while (_reports.TryPeek(out (long At, WorkerDifference Difference) oldest) && time.GetElapsedTime(oldest.At) > s_reported)
            {
                _reports.Dequeue();
            }

            return [.. _reports.Select(static report => report.Difference)];
        }
    }

    // What is over is sent in the order in which it comes, as much at once as there is.
    private async Task SendOverAsync()
    {
        try
        {
            while (await _over.Reader.WaitToReadAsync(_stop.Token))
            {
                List<long> withdrawn = [];
                List<LeaseEnd> ends = [];
                while (_over.Reader.TryRead(out Over over))
                {
                    if (over.End is { } end)
                    {
                        ends.Add(end);
                    }
                    else
                    {
                        withdrawn.Add(over.Withdrawn);
                    }
                }

                try
                {
                    await scheduler.EndAsync(identity.WorkerId, withdrawn, ends, _stop.Token);
                }
                catch (SchedulerUnavailableException)
                {
                    // The next beat no longer names them.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It stops; the pool sees that.
        }
    }

    private void Take(PoolAnswers answers)
    {
        IReadOnlyList<FrontAnswer> wanted = _front.Take(answers, out IReadOnlyList<LeaseEnd> unwanted);
        foreach (FrontAnswer answer in wanted)
        {
            ((Reservation)answer.Requester).Answer(new ReservationAnswer(answer.Number, answer.Lease, answer.Lease is null ? new QueueAnswer(0, 0, 0, IsRefused: true) : null));
        }

        foreach (LeaseEnd end in unwanted)
        {
            _over.Writer.TryWrite(new Over(0, end));
        }
    }

    private void Tell(FarmView view)
    {
        FarmView before = Interlocked.Exchange(ref _view, view);
        if (before.Slots == view.Slots && before.Busy == view.Busy && before.Queued == view.Queued && before.Endpoints.SequenceEqual(view.Endpoints))
        {
            return;
        }

        foreach (Reservation reservation in All())
        {
            reservation.Change(view);
        }
    }

    private void NoteAway(string reason)
    {
        if (!_isAway)
        {
            _isAway = true;
            Log.PoolIsAway(logger, reason);
        }

        if (time.GetElapsedTime(_lastBeat) >= s_patience)
        {
            foreach (Reservation reservation in All())
            {
                reservation.GiveUp(reason);
            }
        }
    }

    // Whatever is over: also what a requester that is gone waited for.
    private void Close(Reservation? gone, IEnumerable<long> withdrawn, IEnumerable<LeaseEnd> ends)
    {
        foreach (Over over in withdrawn.Select(static number => new Over(number, null)).Concat(ends.Select(static end => new Over(0, end))))
        {
            _over.Writer.TryWrite(over);
        }

        if (gone is not null)
        {
            lock (_lock)
            {
                _reservations.Remove(gone);
            }
        }
    }

    private Reservation[] All()
    {
        lock (_lock)
        {
            return [.. _reservations];
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The farm's pool can't be reached: {Reason}. Requesters look for workers themselves until it is back.")]
        public static partial void PoolIsAway(ILogger logger, string reason);

        [LoggerMessage(LogLevel.Information, "The farm's pool is back")]
        public static partial void PoolIsBack(ILogger logger);
    }

    private readonly record struct Over(long Withdrawn, LeaseEnd? End);

    /// <summary>A lease in use.</summary>
    internal sealed class LeaseUse(FarmNode node, SlotLease lease) : IDisposable
    {
        private long _started;
        private int _isOver;

        /// <summary>How the action ended; unless it is said, it was not run.</summary>
        public LeaseOutcome Outcome { get; set; }

        /// <summary>The action has a slot.</summary>
        public void Start() => _started = Stopwatch.GetTimestamp();

        /// <inheritdoc/>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
            {
                node._admission.Leave(lease.Id);
                node._over.Writer.TryWrite(
                    new Over(0, new LeaseEnd(lease.Id, Outcome, _started == 0 ? 0 : Stopwatch.GetElapsedTime(_started).TotalSeconds)));
            }
        }
    }
}
