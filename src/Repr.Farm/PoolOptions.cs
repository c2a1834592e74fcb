namespace Repr.Farm;

/// <summary>The rules of a pool. Immutable; all pools of a farm need the same.</summary>
public sealed record PoolOptions
{
    /// <summary>A worker that sent no beat for this long is gone, and its leases with it.</summary>
    public TimeSpan BeatTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>A lease that no beat named for this long has ended.</summary>
    public TimeSpan LeaseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Leases beyond its slots that a worker gets, for each slot: their actions are prepared while others run. At least one.</summary>
    public double AheadPerSlot { get; init; } = 0.25;

    /// <summary>Share of interactive work when batch work wants all the rest.</summary>
    public double InteractiveWeight { get; init; } = 9;

    /// <summary>Share of batch work.</summary>
    public double BatchWeight { get; init; } = 1;

    /// <summary>Shares of users and projects by name ("alice", or "alice/app"); those that are not named have 1.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    /// <summary>So many failures in a row, without one success, and a worker is left alone.</summary>
    public int FailuresToQuarantine { get; init; } = 3;

    /// <summary>
    /// So many actions in which several others agree on something else, or so many others that each say so of some action, and a worker is left
    /// alone in the same way.
    /// </summary>
    public int DifferencesToQuarantine { get; init; } = 2;

    /// <summary>For how long the first time; twice as long each time after that.</summary>
    public TimeSpan Quarantine { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For how long at most.</summary>
    public TimeSpan LongestQuarantine { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>What an action takes as long as none has ended.</summary>
    public double FirstEstimateSeconds { get; init; } = 1;

    /// <summary>Asks that may wait in all; one more is refused.</summary>
    public int MaximumAsks { get; init; } = 200_000;

    /// <summary>With it leases are <see cref="LeaseSeal">sealed</see>. Known to the farm's workers alone.</summary>
    public ReadOnlyMemory<byte> Key { get; init; }
}
