namespace Repr.Farm;

/// <summary>What a pool knows of one worker. Not safe for concurrent use.</summary>
internal sealed class PoolWorker(string name, PoolOptions options)
{
    private const double SlownessMemory = 0.1;
    private const int SuccessesToForget = 100;

    private readonly ulong _hash = StableHash.Of(name);
    private HashSet<ulong> _keys = [];
    private int _failures;
    private int _quarantines;
    private int _successes;
    private TimeSpan _quarantinedUntil = TimeSpan.MinValue;
    private bool _isOnProbation;

    public string Name => name;

    public NodeBeat Beat { get; private set; } = null!;

    public TimeSpan BeatAt { get; private set; }

    /// <summary>Leases on it, by id.</summary>
    public Dictionary<string, HeldLease> Leases { get; } = new(StringComparer.Ordinal);

    /// <summary>Leases that have ended for the pool and still have their places.</summary>
    public int Ended { get; set; }

    /// <summary>Memory that these expect to use.</summary>
    public long Memory { get; private set; }

    /// <summary>Its results are not those of others.</summary>
    public bool IsDifferent { get; private set; }

    /// <summary>How much longer than expected actions take here; 1: as expected.</summary>
    public double Slowness { get; private set; } = 1;

    /// <summary>Leases that it can have: its slots, and some whose actions are prepared meanwhile.</summary>
    public int Places => Beat.Slots + Math.Max(1, (int)(Beat.Slots * options.AheadPerSlot));

    /// <summary>Leases and other work.</summary>
    public int Used => Leases.Count + Ended + Beat.OtherLoad;

    /// <summary>Takes a beat.</summary>
    public void Note(NodeBeat beat, TimeSpan now)
    {
        if (Beat is null || !Beat.Keys.SequenceEqual(beat.Keys))
        {
            _keys = [.. beat.Keys];
        }

        Beat = beat;
        BeatAt = now;
    }

    /// <summary>Leases that it can get now.</summary>
    public int FreePlaces(TimeSpan now) =>
        IsDifferent || Beat.IsDraining || IsQuarantined(now) ? 0
        : Math.Max(0, (_isOnProbation ? 1 : Places) - Used);

    /// <summary>It failed too often and is left alone for now.</summary>
    public bool IsQuarantined(TimeSpan now) => now < _quarantinedUntil;

    /// <summary>It could run such an action if it were idle.</summary>
    public bool Fits(SlotAsk ask) =>
        !IsDifferent && !Beat.IsDraining
        && (ask.Platform.Length == 0 || ask.Platform == Beat.Platform)
        && (ask.Labels.Count == 0 || ask.Labels.All(label => Beat.Labels.Contains(label, StringComparer.Ordinal)));

    /// <summary>It has memory for one more. What is too large for it even alone may run alone.</summary>
    public bool HasMemory(SlotAsk ask) =>
        Beat.MemoryBytes == 0 || Leases.Count == 0 || Memory + ask.MemoryBytes <= Beat.MemoryBytes;

    /// <summary>2 for a warm tool, 1 for content.</summary>
    public int AffinityTo(SlotAsk ask) =>
        (ask.ToolKey != 0 && _keys.Contains(ask.ToolKey) ? 2 : 0) + (ask.ContentKey != 0 && _keys.Contains(ask.ContentKey) ? 1 : 0);

    /// <summary>Weight of rendezvous hashing (Thaler, Ravishankar 1998): the same worker for the same key, as long as it is there.</summary>
    public ulong RendezvousOf(ulong key) => StableHash.Weigh(_hash, key);

    public void Add(HeldLease lease)
    {
        Leases.Add(lease.Lease.Id, lease);
        Memory += lease.Lease.Ask.MemoryBytes;
    }

    public void Remove(HeldLease lease)
    {
        if (Leases.Remove(lease.Lease.Id))
        {
            Memory -= lease.Lease.Ask.MemoryBytes;
        }
    }

    /// <summary>Judges it by how an action ended. Only successes count for it: who fails fast must not attract all work.</summary>
    public void Judge(LeaseOutcome outcome, double seconds, double expectedSeconds, TimeSpan now)
    {
        switch (outcome)
        {
            case LeaseOutcome.Done:
                _failures = 0;
                _isOnProbation = false;
                _quarantines = ++_successes % SuccessesToForget == 0 ? 0 : _quarantines;
                if (seconds >= 0 && expectedSeconds > 0)
                {
                    Slowness += SlownessMemory * ((seconds / expectedSeconds) - Slowness);
                }

                break;
            case LeaseOutcome.Different:
                IsDifferent = true;
                break;
            case LeaseOutcome.Failed when ++_failures >= options.FailuresToQuarantine || _isOnProbation:
                double pause = options.Quarantine.TotalSeconds * Math.Pow(2, Math.Min(_quarantines++, 20));
                _quarantinedUntil = now + TimeSpan.FromSeconds(Math.Min(pause, options.LongestQuarantine.TotalSeconds));
                _isOnProbation = true;
                _failures = 0;
                _successes = 0;
                break;
            default:
                break;
        }
    }
}

/// <summary>A lease that is out. Not safe for concurrent use.</summary>
internal sealed class HeldLease(SlotLease lease, ShareNode leaf, double charged, TimeSpan grantedAt)
{
    public SlotLease Lease => lease;

    public ShareNode Leaf => leaf;

    /// <summary>What its account was charged so far.</summary>
    public double Charged => charged;

    public TimeSpan GrantedAt { get; } = grantedAt;

    /// <summary>When a beat named it last.</summary>
    public TimeSpan RenewedAt { get; set; } = grantedAt;

    /// <summary>Its worker has named it.</summary>
    public bool IsInUse { get; set; }
}
