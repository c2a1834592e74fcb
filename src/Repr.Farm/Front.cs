namespace Repr.Farm;

/// <summary>A lease for a requester who asked at this front.</summary>
/// <param name="Requester">Who, as it was given to <see cref="Front.Ask"/>.</param>
/// <param name="Number">The number of the ask.</param>
/// <param name="Lease">The lease; null: it is refused, no worker fits any more.</param>
public sealed record FrontAnswer(object Requester, long Number, SlotLease? Lease);

/// <summary>
/// The requesters that ask at one worker: what they wait for, and the leases that they hold. All that a pool must be told again when it was lost.
/// Safe for concurrent use.
/// </summary>
/// <param name="node">The worker's name.</param>
public sealed class Front(string node)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, (object Requester, SlotAsk Ask)> _asks = [];
    private readonly Dictionary<string, (object Requester, SlotLease Lease)> _lent = new(StringComparer.Ordinal);
    private long _lastAsk;

    /// <summary>Notes that a requester wants a slot.</summary>
    /// <param name="requester">Who; compared by reference.</param>
    /// <param name="ask">What; its front and number are set here.</param>
    /// <param name="numbered">Is told the number before anybody can answer; null: nobody is.</param>
    /// <returns>What to send to the pool.</returns>
    public SlotAsk Ask(object requester, SlotAsk ask, Action<long>? numbered = null)
    {
        ArgumentNullException.ThrowIfNull(ask);
        lock (_lock)
        {
            ask = ask with { Front = node, Number = ++_lastAsk };
            numbered?.Invoke(ask.Number);
            _asks.Add(ask.Number, (requester, ask));
            return ask;
        }
    }

    /// <summary>A requester no longer wants a slot, or was refused one.</summary>
    /// <returns>False when it was answered already.</returns>
    public bool Withdraw(long number)
    {
        lock (_lock)
        {
            return _asks.Remove(number);
        }
    }

    /// <summary>A requester that asked at another worker before brings a lease.</summary>
    public void Hold(object requester, SlotLease lease)
    {
        ArgumentNullException.ThrowIfNull(lease);
        lock (_lock)
        {
            _lent[lease.Id] = (requester, lease);
        }
    }

    /// <summary>A lease of a requester has ended.</summary>
    /// <returns>False: it is none of that requester's here.</returns>
    public bool End(object requester, string lease)
    {
        lock (_lock)
        {
            return _lent.TryGetValue(lease, out (object Requester, SlotLease Lease) lent) && lent.Requester == requester && _lent.Remove(lease);
        }
    }

    /// <summary>
    /// A requester is gone. Leases that are in use are named by their worker as long as they are; the others run out, so that it can come
    /// back with them at another front.
    /// </summary>
    /// <returns>What to withdraw from the pool.</returns>
    public IReadOnlyList<long> Leave(object requester)
    {
        lock (_lock)
        {
            foreach (string lease in _lent.Where(pair => pair.Value.Requester == requester).Select(static pair => pair.Key).ToArray())
            {
                _lent.Remove(lease);
            }

            return WithdrawAll(requester);
        }
    }

    /// <summary>A requester no longer wants any slot.</summary>
    /// <returns>The numbers of its asks.</returns>
    public IReadOnlyList<long> WithdrawAll(object requester)
    {
        lock (_lock)
        {
            long[] asks = [.. _asks.Where(pair => pair.Value.Requester == requester).Select(static pair => pair.Key)];
            foreach (long number in asks)
            {
                _asks.Remove(number);
            }

            return asks;
        }
    }

    /// <summary>Sorts out what the pool has decided.</summary>
    /// <param name="answers">What came.</param>
    /// <param name="unwanted">Leases to be ended: nobody waits for them, or they were granted twice.</param>
    public IReadOnlyList<FrontAnswer> Take(PoolAnswers answers, out IReadOnlyList<LeaseEnd> unwanted)
    {
        ArgumentNullException.ThrowIfNull(answers);
        List<FrontAnswer> wanted = [];
        List<LeaseEnd> ends = [];
        lock (_lock)
        {
            foreach (SlotLease lease in answers.Granted)
            {
                if (lease.Ask.Front == node && _asks.Remove(lease.Ask.Number, out (object Requester, SlotAsk Ask) asked))
                {
                    _lent[lease.Id] = (asked.Requester, lease);
                    wanted.Add(new FrontAnswer(asked.Requester, lease.Ask.Number, lease));
                }
                else if (!_lent.ContainsKey(lease.Id))
                {
                    ends.Add(new LeaseEnd(lease.Id, LeaseOutcome.Unused));
                }
            }

            foreach (SlotAsk ask in answers.Refused)
            {
                if (ask.Front == node && _asks.Remove(ask.Number, out (object Requester, SlotAsk Ask) asked))
                {
                    wanted.Add(new FrontAnswer(asked.Requester, ask.Number, null));
                }
            }
        }

        unwanted = ends;
        return wanted;
    }

    /// <summary>Adds to a beat what this front knows.</summary>
    public NodeBeat Fill(NodeBeat beat)
    {
        ArgumentNullException.ThrowIfNull(beat);
        lock (_lock)
        {
            return beat with
            {
                Lent = [.. _lent.Values.Select(static pair => pair.Lease)],
                Asks = [.. _asks.Values.Select(static pair => pair.Ask).OrderBy(static ask => ask.Number)],
                LastAsk = _lastAsk,
            };
        }
    }
}
