namespace Repr.Farm;

/// <content>What comes in with beats, and what goes when they stop.</content>
public sealed partial class Pool
{
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
        int ended = 0;
        foreach (SlotLease lease in beat.Held)
        {
            if (Renew(lease, beat, now) is { } held)
            {
                held.IsInUse = true;
            }
            else
            {
                ended++; // nobody waits for it, but it still runs
            }
        }

        worker.Ended = ended;
        foreach (SlotLease lease in beat.Lent)
        {
            Renew(lease, beat, now);
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

        foreach (WorkerDifference difference in beat.Differences)
        {
            NoteDifference(difference, now);
        }

        CompareAsks(beat, now);
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
            Forget(lease, lease.Charged); // what was lost with it is not given back
        }

        foreach (WaitingAsk ask in _waiting.GetValueOrDefault(node)?.Values.ToArray() ?? [])
        {
            Drop(ask);
        }
    }

    // Those that this pool does not know are of one that was lost; those that the front does not know any more are withdrawn.
    private void CompareAsks(NodeBeat beat, TimeSpan now)
    {
        foreach (SlotAsk ask in beat.Asks)
        {
            Add(ask, now);
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

    private HeldLease? Renew(SlotLease lease, NodeBeat by, TimeSpan now)
    {
        if (_leases.TryGetValue(lease.Id, out HeldLease? held))
        {
            held.RenewedAt = now;
            return held;
        }

        // What has ended here stays so as long as somebody names it.
        if (_ended.ContainsKey(lease.Id))
        {
            _ended[lease.Id] = now;
            return null;
        }

        // Of an earlier pool of this farm; not what a worker is gone with.
        if (!_byName.TryGetValue(lease.Worker, out PoolWorker? worker)
            || worker.Beat.Incarnation != lease.Incarnation
            || !lease.IsSealed(options.Key.Span))
        {
            return null;
        }

        // What was asked at another front only the worker knows to be answered.
        if ((lease.Ask.Front == by.Node || lease.Worker == by.Node) && Find(lease.Ask.Front, lease.Ask.Number) is { } answered)
        {
            Drop(answered);
        }

        ShareNode leaf = _shares.LeafOf(lease.Ask.Account);
        double cost = lease.Ask.ExpectedSeconds > 0 ? lease.Ask.ExpectedSeconds : _estimate;
        leaf.Adopt(cost);
        held = new HeldLease(lease, leaf, cost, now);
        Hold(held, worker);
        return held;
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
            TimeSpan named = _ended[oldest.Id];
            if (named > oldest.At)
            {
                _endedInOrder.Enqueue((named, oldest.Id));
            }
            else
            {
                _ended.Remove(oldest.Id);
                _endedOf.Remove(oldest.Id);
            }
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
