namespace Repr.Farm;

/// <summary>What a pool knows of one worker. Not safe for concurrent use.</summary>
internal sealed class PoolWorker(string name, PoolOptions options)
{
    private const double SlownessMemory = 0.1;
    private const int SuccessesToForget = 100;

    private static readonly TimeSpan s_reportsKept = TimeSpan.FromHours(1);

    private readonly ulong _hash = StableHash.Of(name);
    private readonly Dictionary<(string Action, string Other), Report> _reports = [];
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
        Beat.IsDraining || IsQuarantined(now) ? 0
        : Math.Max(0, (_isOnProbation ? 1 : Places) - Used);

    /// <summary>It failed too often, or its results are not those of others, and it is left alone for now.</summary>
    public bool IsQuarantined(TimeSpan now) => now < _quarantinedUntil;

    /// <summary>For how long still.</summary>
    public TimeSpan QuarantineLeft(TimeSpan now) => IsQuarantined(now) ? _quarantinedUntil - now : TimeSpan.Zero;

    /// <summary>It could run such an action if it were idle.</summary>
    public bool Fits(SlotAsk ask) =>
        !Beat.IsDraining
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
            case LeaseOutcome.Failed when ++_failures >= options.FailuresToQuarantine || _isOnProbation:
                Quarantine(now);
                break;
            default:
                break;
        }
    }

    /// <summary>In how many actions it was lately said to have left something else than others.</summary>
    public int Differences => _reports.Keys.Select(static report => report.Action).Distinct(StringComparer.Ordinal).Count();

    /// <summary>
    /// Somebody says that it left something else than others did. One report proves nothing: the tool may not be repeatable, or who reports may be
    /// wrong. Several do, about different actions and from different others.
    /// </summary>
    /// <param name="action">Which action; the same for the same command and files.</param>
    /// <param name="others">Those that say so.</param>
    /// <param name="usual">In how many actions another worker was said to differ: a tool that is not repeatable makes now one look so, now the other.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it is left alone because of it.</returns>
    public bool NoteDifference(string action, IEnumerable<string> others, int usual, TimeSpan now)
    {
        foreach ((string, string) old in _reports.Where(report => now - report.Value.At >= s_reportsKept).Select(static report => report.Key).ToArray())
        {
            _reports.Remove(old);
        }

        bool isNew = false;
        foreach (string other in others.Where(other => other != name))
        {
            isNew |= _reports.TryAdd((action, other), new Report { At = now });
        }

        // What several others say of an action counts once; what one says alone counts once for all actions, and only if another does the same.
        (string Action, string Other)[] counting = [.. _reports.Where(static report => !report.Value.HasCounted).Select(static report => report.Key)];
        ILookup<bool, IGrouping<string, (string Action, string Other)>> actions =
            counting.GroupBy(static report => report.Action, StringComparer.Ordinal).ToLookup(static action => action.Count() > 1);
        int alone = actions[false].Select(static action => action.First().Other).Distinct(StringComparer.Ordinal).Count();
        if (!isNew || actions[true].Count() + (alone > 1 ? alone : 0) < options.DifferencesToQuarantine + (2 * usual))
        {
            return false;
        }

        foreach ((string, string) counted in counting)
        {
            _reports[counted].HasCounted = true;
        }

        Quarantine(now);
        return true;
    }

    private void Quarantine(TimeSpan now)
    {
        double pause = options.Quarantine.TotalSeconds * Math.Pow(2, Math.Min(_quarantines++, 20));
        _quarantinedUntil = now + TimeSpan.FromSeconds(Math.Min(pause, options.LongestQuarantine.TotalSeconds));
        _isOnProbation = true;
        _failures = 0;
        _successes = 0;
    }

    private sealed class Report
    {
        public TimeSpan At { get; init; }

        public bool HasCounted { get; set; }
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
