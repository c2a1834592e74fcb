namespace Repr.Farm;

/// <summary>
/// A worker's own word on its slots: it takes what a pool granted as long as it has room, whatever the pool believes. So no worker is ever
/// over-committed, also when a pool was lost and another does not know everything yet. Safe for concurrent use.
/// </summary>
/// <param name="node">The worker's name.</param>
/// <param name="incarnation">This run of it.</param>
/// <param name="slots">Its slots.</param>
/// <param name="options">The farm's rules.</param>
public sealed class Admission(string node, string incarnation, int slots, PoolOptions options)
{
    private const int KeysKept = 256;
    private const int UsedKept = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, SlotLease> _held = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly Queue<string> _usedInOrder = new();
    private readonly LinkedList<ulong> _keys = new(); // the last used first

    /// <summary>Leases that it takes at the same time.</summary>
    public int Places { get; } = slots + Math.Max(1, (int)(slots * options.AheadPerSlot));

    /// <summary>Leases that it has taken.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>This run of the worker.</summary>
    public string Incarnation => incarnation;

    /// <summary>Takes a lease.</summary>
    /// <param name="lease">What the requester shows.</param>
    /// <returns>Null, or why it is refused, as part of a sentence.</returns>
    public string? TryEnter(SlotLease lease)
    {
        ArgumentNullException.ThrowIfNull(lease);
        if (lease.Worker != node || lease.Incarnation != incarnation)
        {
            return "the lease is of another worker, or of an earlier run of this one";
        }

        if (!lease.IsSealed(options.Key.Span))
        {
            return "the lease was not granted by this farm";
        }

        lock (_lock)
        {
            if (_held.ContainsKey(lease.Id))
            {
                return "the lease is in use already";
            }

            if (_used.Contains(lease.Id))
            {
                return "the lease was used already";
            }

            if (_held.Count >= Places)
            {
                return $"all {Places} places are taken";
            }

            _held.Add(lease.Id, lease);
            Use(lease.Ask.ToolKey);
            Use(lease.Ask.ContentKey);
            return null;
        }
    }

    /// <summary>The action of a lease has ended.</summary>
    public void Leave(string lease)
    {
        lock (_lock)
        {
            if (_held.Remove(lease) && _used.Add(lease))
            {
                _usedInOrder.Enqueue(lease);
                if (_usedInOrder.Count > UsedKept)
                {
                    _used.Remove(_usedInOrder.Dequeue());
                }
            }
        }
    }

    /// <summary>Adds to a beat what is known here.</summary>
    public NodeBeat Fill(NodeBeat beat)
    {
        ArgumentNullException.ThrowIfNull(beat);
        lock (_lock)
        {
            return beat with { Node = node, Incarnation = incarnation, Slots = slots, Held = [.. _held.Values], Keys = [.. _keys] };
        }
    }

    private void Use(ulong key)
    {
        if (key == 0 || _keys.First?.Value == key)
        {
            return;
        }

        _keys.Remove(key);
        _keys.AddFirst(key);
        if (_keys.Count > KeysKept)
        {
            _keys.RemoveLast();
        }
    }
}
