namespace Repr.Farm;

/// <summary>
/// One place on one worker, granted to one requester for one action. The worker has the last word: it refuses a lease when it is full, or
/// when the lease is of an earlier run of it. Immutable.
/// </summary>
public sealed record SlotLease
{
    /// <summary>Unique over all pools and restarts.</summary>
    public required string Id { get; init; }

    /// <summary>The ask that it answers.</summary>
    public required SlotAsk Ask { get; init; }

    /// <summary>Name of the worker.</summary>
    public required string Worker { get; init; }

    /// <summary>Which run of it.</summary>
    public required string Incarnation { get; init; }

    /// <summary>Its address, as in "http://10.0.0.7:7070".</summary>
    public required string Endpoint { get; init; }

    /// <summary>The farm's mark: <see cref="LeaseSeal"/>.</summary>
    public string Seal { get; init; } = "";
}

/// <summary>How the use of a lease ended.</summary>
public enum LeaseOutcome
{
    /// <summary>It was not used: withdrawn, refused by the worker, or granted twice.</summary>
    Unused,

    /// <summary>The tool has its verdict, good or bad.</summary>
    Done,

    /// <summary>The worker failed: it could not be reached, was lost, or had a defect.</summary>
    Failed,

    /// <summary>
    /// The worker's result is not that of others. Counts also when the lease has ended already, as it has when results are compared. Several of
    /// these, from different users, and the worker is left alone for a while.
    /// </summary>
    Different,
}

/// <summary>The end of a lease. Told by the requester, the worker, or both; the first counts, and that the result is different.</summary>
/// <param name="Id">The lease.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Seconds">For how long it had a slot; negative: not measured.</param>
public sealed record LeaseEnd(string Id, LeaseOutcome Outcome, double Seconds = -1);
