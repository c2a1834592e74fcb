namespace Repr.Farm;

/// <summary>
/// What a worker says about itself and its requesters, every second and when something changed. All that a pool knows comes from beats, so a
/// new pool knows everything after one beat of each worker. Immutable.
/// </summary>
public sealed record NodeBeat
{
    /// <summary>The worker's name, stable.</summary>
    public required string Node { get; init; }

    /// <summary>Which run of it; a new one has no leases.</summary>
    public required string Incarnation { get; init; }

    /// <summary>Where requesters reach it.</summary>
    public required string Endpoint { get; init; }

    /// <summary>Actions at the same time.</summary>
    public required int Slots { get; init; }

    /// <summary>As in "linux-x64".</summary>
    public required string Platform { get; init; }

    /// <summary>What it has that others have not.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Memory for actions; 0: not limited.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Actions that run or wait there without a lease.</summary>
    public int OtherLoad { get; init; }

    /// <summary>It gets no more actions; what runs there ends.</summary>
    public bool IsDraining { get; init; }

    /// <summary>Tools that are warm there, and content that it holds.</summary>
    public IReadOnlyList<ulong> Keys { get; init; } = [];

    /// <summary>What this one has found out lately about the results of others; said again in some beats, for a pool that is new.</summary>
    public IReadOnlyList<WorkerDifference> Differences { get; init; } = [];

    /// <summary>Leases in use on this worker.</summary>
    public IReadOnlyList<SlotLease> Held { get; init; } = [];

    /// <summary>Leases that requesters hold who ask at this worker.</summary>
    public IReadOnlyList<SlotLease> Lent { get; init; } = [];

    /// <summary>What these requesters wait for: complete up to <see cref="LastAsk"/>.</summary>
    public IReadOnlyList<SlotAsk> Asks { get; init; } = [];

    /// <summary>The highest number of an ask that this beat knows of.</summary>
    public long LastAsk { get; init; }
}

/// <summary>A worker left something else than others did, who agree, for the same command and files. Immutable.</summary>
/// <param name="Worker">Its name.</param>
/// <param name="Action">Names the command and files.</param>
/// <param name="Others">Those that agree.</param>
public sealed record WorkerDifference(string Worker, string Action, IReadOnlyList<string> Others);
