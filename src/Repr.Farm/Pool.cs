using System.Globalization;

namespace Repr.Farm;

/// <summary>
/// Who gets which slot of which worker: the one exact table of a farm. It knows only what beats, asks and ends tell it and forgets what they
/// stop naming, so a new one that has heard one beat of each worker goes on where another was lost. Nothing in it waits, and time is what the
/// caller says: the same code runs in a worker, in a grain and in the simulation. Not safe for concurrent use.
/// </summary>
/// <param name="options">Its rules.</param>
/// <param name="epoch">Unique for each pool; part of the names of its leases.</param>
public sealed class Pool(PoolOptions options, string epoch)
{
    private const double EstimateMemory = 0.05;
    private static readonly TimeSpan s_expiryInterval = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<string, PoolWorker> _byName = new(StringComparer.Ordinal);
    private readonly List<PoolWorker> _workers = []; // in the order in which they came: nothing depends on hashes that change
    private readonly Dictionary<string, HeldLease> _leases = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<long, WaitingAsk>> _waiting = new(StringComparer.Ordinal); // by front
    private readonly HashSet<(string Front, long Number)> _granted = [];
    private readonly Dictionary<string, TimeSpan> _ended = new(StringComparer.Ordinal);
    private readonly Queue<(TimeSpan At, string Id)> _endedInOrder = new();
    private readonly ShareTree _shares = new(options);
    private double _estimate = options.FirstEstimateSeconds;
    private readonly Dictionary<Shape, TimeSpan> _unfitSince = [];
    private TimeSpan? _start;
    private TimeSpan _nextExpiry = TimeSpan.MinValue;
    private long _lastLease;
    private long _lastOrder;

    /// <summary>Leases that are out.</summary>
    public int Leases => _leases.Count;

    /// <summary>Asks that wait.</summary>
    public int Asks => _shares.Asks;

    /// <summary>A worker is there, with its requesters. What it no longer names has ended.</summary>
    /// <param name="beat">What it says.</param>
    /// <param name="now">The time.</param>
    public void Beat(NodeBeat beat, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(beat);
        if (_byName.TryGetValue(beat.Node, out PoolWorker? worker) && worker.Beat.Incarnation != beat.Incarnation)
        {
            Leave(beat.Node); // it was started again: what ran there is gone
            worker = null;
        }

        if (worker is null)
        {
            _byName[beat.Node] = worker = new PoolWorker(beat.Node, options);
            _workers.Add(worker);
        }

        worker.Note(beat, now);
        foreach (SlotLease lease in beat.Held)
        {
            if (Renew(lease, now) is { } held)
            {
                held.IsInUse = true;
            }
        }

        foreach (SlotLease lease in beat.Lent)
        {
            Renew(lease, now);
        }

        // The worker has the last word about what runs there.
        if (worker.Leases.Count > beat.Held.Count)
        {
            HashSet<string> named = [.. beat.Held.Select(static lease => lease.Id)];
            foreach (HeldLease lease in worker.Leases.Values.Where(lease => lease.IsInUse && !named.Contains(lease.Lease.Id)).ToArray())
            {
                End(new LeaseEnd(lease.Lease.Id, LeaseOutcome.Unused), now);
            }
        }

        CompareAsks(beat);
    }

    /// <summary>A worker is gone, with all its leases and asks.</summary>
    public void Leave(string node)
    {
        if (!_byName.Remove(node, out PoolWorker? worker))
        {
            return;
        }

        _workers.Remove(worker);
        foreach (HeldLease lease in worker.Leases.Values.ToArray())
        {
            Forget(lease);
        }

        foreach (WaitingAsk ask in _waiting.GetValueOrDefault(node)?.Values.ToArray() ?? [])
        {
            Drop(ask);
        }
    }

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
            Add(ask);
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

    /// <summary>A lease has ended. Idempotent; the first end counts.</summary>
    public void End(LeaseEnd end, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(end);
        if (!_ended.TryAdd(end.Id, now))
        {
            return;
        }

        _endedInOrder.Enqueue((now, end.Id));
        if (!_leases.TryGetValue(end.Id, out HeldLease? lease))
        {
            return;
        }

        double seconds = end.Seconds >= 0 ? end.Seconds : (now - lease.GrantedAt).TotalSeconds;
        double used = end.Outcome == LeaseOutcome.Unused ? 0 : seconds;
        lease.Leaf.Charge(used - lease.Charged);
        if (end.Outcome == LeaseOutcome.Done)
        {
            _estimate += EstimateMemory * (seconds - _estimate);
        }

        if (_byName.TryGetValue(lease.Lease.Worker, out PoolWorker? worker))
        {
            worker.Judge(end.Outcome, end.Seconds, lease.Lease.Ask.ExpectedSeconds, now);
        }

        Forget(lease);
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
        if (_shares.Asks == 0 || !_workers.Any(worker => worker.FreePlaces(now) > 0))
        {
            return unfit.Length == 0 ? PoolAnswers.None : new PoolAnswers([], unfit);
        }

        List<SlotLease> granted = [];
        HashSet<Shape> refused = [];
        _shares.BeginRound();
        PoolWorker? chosen = null;
        while (_shares.TakeNext(refused, TryPlace, CostOf) is { } next)
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
            Hold(new HeldLease(lease, next.Leaf, CostOf(next), now), chosen);
            granted.Add(lease);
        }

        return new PoolAnswers(granted, unfit);

        bool TryPlace(WaitingAsk ask) => (chosen = Placement.Choose(_workers, ask.Ask, now)) is not null;
    }

    /// <summary>What who asks now can expect. An estimate; honest about what is not there.</summary>
    public QueueAnswer Expect(SlotAsk ask, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(ask);
        PoolWorker[] fitting = [.. _workers.Where(worker => worker.Fits(ask) && !worker.IsQuarantined(now))];
        ShareNode leaf = _shares.LeafOf(ask.Account);
        int slots = fitting.Sum(static worker => worker.Beat.Slots);
        int free = slots - fitting.Sum(static worker => Math.Min(worker.Used, worker.Beat.Slots));
        bool isFree = _shares.Asks < free;
        double seconds = slots == 0 || isFree ? 0 : (leaf.Asks + 1) * _estimate / (slots * leaf.Share());
        return new QueueAnswer(fitting.Length, isFree ? 0 : leaf.Asks, seconds);
    }

    /// <summary>The farm now.</summary>
    public FarmView View(TimeSpan now)
    {
        PoolWorker[] taking = [.. _workers.Where(worker => !worker.IsDifferent && !worker.Beat.IsDraining && now - worker.BeatAt < options.BeatTimeout)];
        int slots = taking.Sum(static worker => worker.Beat.Slots);
        int busy = taking.Sum(static worker => Math.Min(worker.Used, worker.Beat.Slots));
        int queued = _shares.Asks;
        string[] endpoints = [.. taking.Select(static worker => worker.Beat.Endpoint).Order(StringComparer.Ordinal)];
        return new FarmView(endpoints, slots, busy, queued, slots == 0 ? queued * _estimate : queued * _estimate / slots);
    }

    private double CostOf(WaitingAsk ask) => ask.Ask.ExpectedSeconds > 0 ? ask.Ask.ExpectedSeconds : _estimate;

    private void Add(SlotAsk ask)
    {
        if (_granted.Contains((ask.Front, ask.Number)) || Find(ask.Front, ask.Number) is not null)
        {
            return;
        }

        WaitingAsk waiting = new(ask, _shares.LeafOf(ask.Account), ++_lastOrder);
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

    // Those that this pool does not know are of one that was lost; those that the front does not know any more are withdrawn.
    private void CompareAsks(NodeBeat beat)
    {
        foreach (SlotAsk ask in beat.Asks)
        {
            Add(ask);
        }

        if (!_waiting.TryGetValue(beat.Node, out Dictionary<long, WaitingAsk>? known) || known.Count == beat.Asks.Count)
        {
            return;
        }

        HashSet<long> named = [.. beat.Asks.Select(static ask => ask.Number)];
        foreach (WaitingAsk waiting in known.Values.Where(waiting => waiting.Ask.Number <= beat.LastAsk && !named.Contains(waiting.Ask.Number)).ToArray())
        {
            Drop(waiting);
        }
    }

    private HeldLease? Renew(SlotLease lease, TimeSpan now)
    {
        if (_leases.TryGetValue(lease.Id, out HeldLease? held))
        {
            held.RenewedAt = now;
            return held;
        }

        // Of an earlier pool. Not what has just ended here, and not what a worker is gone with.
        if (_ended.ContainsKey(lease.Id)
            || !_byName.TryGetValue(lease.Worker, out PoolWorker? worker)
            || worker.Beat.Incarnation != lease.Incarnation)
        {
            return null;
        }

        if (Find(lease.Ask.Front, lease.Ask.Number) is { } answered)
        {
            Drop(answered);
        }

        ShareNode leaf = _shares.LeafOf(lease.Ask.Account);
        double cost = lease.Ask.ExpectedSeconds > 0 ? lease.Ask.ExpectedSeconds : _estimate;
        leaf.Charge(cost);
        held = new HeldLease(lease, leaf, cost, now);
        Hold(held, worker);
        return held;
    }

    private void Hold(HeldLease lease, PoolWorker worker)
    {
        _leases.Add(lease.Lease.Id, lease);
        _granted.Add((lease.Lease.Ask.Front, lease.Lease.Ask.Number));
        worker.Add(lease);
    }

    private void Forget(HeldLease lease)
    {
        _leases.Remove(lease.Lease.Id);
        _granted.Remove((lease.Lease.Ask.Front, lease.Lease.Ask.Number));
        _byName.GetValueOrDefault(lease.Lease.Worker)?.Remove(lease);
    }

    private SlotAsk[] Expire(TimeSpan now)
    {
        _start ??= now;
        if (now < _nextExpiry)
        {
            return [];
        }

        _nextExpiry = now + s_expiryInterval;
        foreach (PoolWorker worker in _workers.Where(worker => now - worker.BeatAt >= options.BeatTimeout).ToArray())
        {
            Leave(worker.Name);
        }

        while (_endedInOrder.TryPeek(out (TimeSpan At, string Id) oldest) && now - oldest.At >= options.LeaseTimeout + options.BeatTimeout)
        {
            _endedInOrder.Dequeue();
            _ended.Remove(oldest.Id);
        }

        foreach (HeldLease lease in _leases.Values.Where(lease => now - lease.RenewedAt >= options.LeaseTimeout).ToArray())
        {
            End(new LeaseEnd(lease.Lease.Id, LeaseOutcome.Unused), now);
        }

        return RefuseUnfit(now);
    }

    // What no worker fits is told after the time in which one would have been heard of.
    private SlotAsk[] RefuseUnfit(TimeSpan now)
    {
        Dictionary<Shape, bool> fits = [];
        List<WaitingAsk> refused = [];
        foreach (WaitingAsk waiting in _waiting.Values.SelectMany(static ofFront => ofFront.Values))
        {
            if (!fits.TryGetValue(waiting.Shape, out bool isFit))
            {
                fits[waiting.Shape] = isFit = _workers.Any(worker => worker.Fits(waiting.Ask));
            }

            if (!isFit && _unfitSince.TryAdd(waiting.Shape, now) is false && now - _unfitSince[waiting.Shape] >= options.BeatTimeout)
            {
                refused.Add(waiting);
            }
        }

        foreach (Shape shape in _unfitSince.Keys.Where(shape => fits.GetValueOrDefault(shape, true)).ToArray())
        {
            _unfitSince.Remove(shape);
        }

        refused.ForEach(Drop);
        return [.. refused.Select(static waiting => waiting.Ask)];
    }
}
