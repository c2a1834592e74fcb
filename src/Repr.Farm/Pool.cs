using System.Globalization;

namespace Repr.Farm;

/// <summary>
/// Who gets which slot of which worker: the one exact table of a farm. It knows only what beats, asks and ends tell it and forgets what they
/// stop naming, so a new one that has heard one beat of each worker goes on where another was lost. Nothing in it waits, and time is what the
/// caller says: the same code runs in a worker, in a grain and in the simulation. Not safe for concurrent use.
/// </summary>
/// <param name="options">Its rules.</param>
/// <param name="epoch">Unique for each pool; part of the names of its leases.</param>
public sealed partial class Pool(PoolOptions options, string epoch)
{
    private const double EstimateMemory = 0.05;
    private const double LongSeconds = 1;
    private static readonly TimeSpan s_memoryPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_viewInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_expiryInterval = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<string, PoolWorker> _byName = new(StringComparer.Ordinal);
    private readonly List<PoolWorker> _workers = []; // in the order in which they came: nothing depends on hashes that change
    private readonly Dictionary<string, HeldLease> _leases = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<long, WaitingAsk>> _waiting = new(StringComparer.Ordinal); // by front
    private readonly HashSet<(string Front, long Number)> _granted = [];
    private readonly Dictionary<string, TimeSpan> _ended = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SlotLease> _endedOf = new(StringComparer.Ordinal);
    private readonly Queue<(TimeSpan At, string Id)> _endedInOrder = new();
    private readonly Queue<QuarantineNotice> _notices = new();
    private readonly ShareTree _shares = new(options);
    private double _estimate = options.FirstEstimateSeconds;
    private readonly Dictionary<Shape, TimeSpan> _unfitSince = [];
    private TimeSpan? _start;
    private TimeSpan _nextExpiry = TimeSpan.MinValue;
    private FarmView? _view;
    private TimeSpan _viewedAt;
    private long _lastLease;
    private long _lastOrder;

    /// <summary>Leases that are out.</summary>
    public int Leases => _leases.Count;

    /// <summary>Asks that wait.</summary>
    public int Asks => _shares.Asks;

    /// <summary>A requester wants a slot. The grant comes out of <see cref="Serve"/>.</summary>
    /// <param name="ask">What it wants.</param>
    /// <param name="now">The time.</param>
    /// <returns>What to expect.</returns>
    public QueueAnswer Ask(SlotAsk ask, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ask);
        QueueAnswer answer = Expect(ask, now);
        bool isYoung = now - (_start ??= now) < options.BeatTimeout; // it may not have heard of all workers
        if ((answer.Workers > 0 || isYoung) && _shares.Asks < options.MaximumAsks)
        {
            Add(ask, now);
            return answer;
        }

        return answer with { IsRefused = true };
    }

    /// <summary>A requester no longer wants a slot.</summary>
    public void Withdraw(string front, long number)
    {
        if (Find(front, number) is { } waiting)
        {
            Drop(waiting);
        }
    }

    /// <summary>A lease has ended. Idempotent; the first end counts. That its result is different counts whenever it is found out.</summary>
    public void End(LeaseEnd end, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(end);
        if (!_ended.TryAdd(end.Id, now))
        {
            if (end.Outcome == LeaseOutcome.Different && _endedOf.TryGetValue(end.Id, out SlotLease? late))
            {
                NoteDifference(new WorkerDifference(late.Worker, end.Id, [late.Ask.Account.User]), now);
            }

            return;
        }

        _endedInOrder.Enqueue((now, end.Id));
        if (!_leases.TryGetValue(end.Id, out HeldLease? lease))
        {
            return;
        }

        _endedOf[end.Id] = lease.Lease;
        if (end.Outcome == LeaseOutcome.Different)
        {
            NoteDifference(new WorkerDifference(lease.Lease.Worker, end.Id, [lease.Lease.Ask.Account.User]), now);
        }

        double seconds = end.Seconds >= 0 ? end.Seconds : (now - lease.GrantedAt).TotalSeconds;
        double used = end.Outcome == LeaseOutcome.Unused ? 0 : seconds;
        bool hasRun = end.Seconds != 0; // a result that was known says nothing of how long work takes
        if (end.Outcome == LeaseOutcome.Done && hasRun)
        {
            _estimate += EstimateMemory * (seconds - _estimate);
        }

        if (_byName.TryGetValue(lease.Lease.Worker, out PoolWorker? worker))
        {
            bool wasQuarantined = worker.IsQuarantined(now);
            worker.Judge(end.Outcome, hasRun ? end.Seconds : -1, lease.Lease.Ask.ExpectedSeconds, now);
            if (!wasQuarantined && worker.IsQuarantined(now))
            {
                Notice(worker, [], now);
            }
        }

        Forget(lease, used);
    }

    /// <summary>Withdraws asks of a front, and ends leases.</summary>
    public void End(string front, IReadOnlyList<long> withdrawn, IReadOnlyList<LeaseEnd> ends, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(withdrawn);
        ArgumentNullException.ThrowIfNull(ends);
        foreach (long number in withdrawn)
        {
            Withdraw(front, number);
        }

        foreach (LeaseEnd end in ends)
        {
            End(end, now);
        }
    }

    /// <summary>Grants what can be granted now. Call it after anything has changed, and every half second.</summary>
    public PoolAnswers Serve(TimeSpan now)
    {
        SlotAsk[] unfit = Expire(now);
        (int room, int slots) = _shares.Asks == 0 ? default : CountRoom(now);
        if (room == 0)
        {
            return unfit.Length == 0 ? PoolAnswers.None : new PoolAnswers([], unfit);
        }

        List<SlotLease> granted = [];
        HashSet<Shape> refused = [];
        _shares.BeginRound();
        PoolWorker? chosen = null;
        while (room-- > 0 && _shares.TakeNext(refused, TryPlace, CostOf) is { } next)
        {
            Unlist(next.Ask);
            SlotLease lease = new()
            {
                Id = string.Create(CultureInfo.InvariantCulture, $"{epoch}-{++_lastLease}"),
                Ask = next.Ask,
                Worker = chosen!.Name,
                Incarnation = chosen.Beat.Incarnation,
                Endpoint = chosen.Beat.Endpoint,
            };
            lease = lease.Seal(options.Key.Span);
            Hold(new HeldLease(lease, next.Leaf, CostOf(next), now), chosen);
            granted.Add(lease);
        }

        return new PoolAnswers(granted, unfit);

        // To wait at a worker for its next slot hides the preparation. It also means to wait there while a slot elsewhere gets free: not worth it where
        // actions take long, unless there is so much more work that every slot gets its next action anyway.
        // Memory is what was expected: who has waited long for it gets a free slot without, or the others' small asks would take each place before it.
        bool TryPlace(WaitingAsk ask)
        {
            chosen = Placement.Choose(_workers, ask.Ask, now, mayWait: _estimate < LongSeconds || _shares.Asks > slots, needsMemory: true);
            chosen ??= now - ask.Since < s_memoryPatience ? null : Placement.Choose(_workers, ask.Ask, now, mayWait: false, needsMemory: false);
            return chosen is not null;
        }
    }

    /// <summary>What who asks now can expect. An estimate; honest about what is not there.</summary>
    public QueueAnswer Expect(SlotAsk ask, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ask);
        int workers = 0;
        int slots = 0;
        int free = 0;
        foreach (PoolWorker worker in _workers)
        {
            if (worker.Fits(ask) && !worker.IsQuarantined(now))
            {
                workers++;
                slots += worker.Beat.Slots;
                free += Math.Max(0, worker.Beat.Slots - worker.Used);
            }
        }

        ShareNode leaf = _shares.LeafOf(ask.Account);
        bool isFree = _shares.Asks < free;
        double seconds = slots == 0 || isFree ? 0 : (leaf.Asks + 1) * _estimate / (slots * leaf.Share());
        return new QueueAnswer(workers, isFree ? 0 : leaf.Asks, seconds);
    }

    /// <summary>The farm, as it was within the last tenth of a second: each beat of a thousand workers is answered with it.</summary>
    public FarmView View(TimeSpan now)
    {
        if (_view is { } known && now - _viewedAt < s_viewInterval)
        {
            return known;
        }

        _viewedAt = now;
        int slots = 0;
        int busy = 0;
        List<string> endpoints = [];
        foreach (PoolWorker worker in _workers)
        {
            if (!worker.Beat.IsDraining && now - worker.BeatAt < options.BeatTimeout)
            {
                slots += worker.Beat.Slots;
                busy += Math.Min(worker.Used, worker.Beat.Slots);
                endpoints.Add(worker.Beat.Endpoint);
            }
        }

        endpoints.Sort(StringComparer.Ordinal);
        int queued = _shares.Asks;
        return _view = new FarmView(endpoints, slots, busy, queued, slots == 0 ? queued * _estimate : queued * _estimate / slots)
        {
            Quarantined = _workers.Count(worker => worker.IsQuarantined(now)),
        };
    }

    private (int Room, int Slots) CountRoom(TimeSpan now)
    {
        int room = 0;
        int slots = 0;
        foreach (PoolWorker worker in _workers)
        {
            room += worker.FreePlaces(now);
            slots += worker.Beat.Slots;
        }

        return (room, slots);
    }

    private double CostOf(WaitingAsk ask) => ask.Ask.ExpectedSeconds > 0 ? ask.Ask.ExpectedSeconds : _estimate;

    private void Add(SlotAsk ask, TimeSpan now)
    {
        if (_granted.Contains((ask.Front, ask.Number)) || Find(ask.Front, ask.Number) is not null)
        {
            return;
        }

        WaitingAsk waiting = new(ask, _shares.LeafOf(ask.Account), ++_lastOrder, now);
        if (!_waiting.TryGetValue(ask.Front, out Dictionary<long, WaitingAsk>? ofFront))
        {
            _waiting[ask.Front] = ofFront = [];
        }

        ofFront.Add(ask.Number, waiting);
        waiting.Leaf.Add(waiting);
    }

    private WaitingAsk? Find(string front, long number) => _waiting.GetValueOrDefault(front)?.GetValueOrDefault(number);

    private void Drop(WaitingAsk ask)
    {
        Unlist(ask.Ask);
        ask.Leaf.Remove(ask);
    }

    private void Unlist(SlotAsk ask)
    {
        if (_waiting.TryGetValue(ask.Front, out Dictionary<long, WaitingAsk>? ofFront) && ofFront.Remove(ask.Number) && ofFront.Count == 0)
        {
            _waiting.Remove(ask.Front);
        }
    }

    private void Hold(HeldLease lease, PoolWorker worker)
    {
        _leases.Add(lease.Lease.Id, lease);
        _granted.Add((lease.Lease.Ask.Front, lease.Lease.Ask.Number));
        worker.Add(lease);
    }

    private void Forget(HeldLease lease, double used)
    {
        lease.Leaf.Settle(lease.Charged, used);
        _leases.Remove(lease.Lease.Id);
        _granted.Remove((lease.Lease.Ask.Front, lease.Lease.Ask.Number));
        _byName.GetValueOrDefault(lease.Lease.Worker)?.Remove(lease);
    }
}
