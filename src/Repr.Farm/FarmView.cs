namespace Repr.Farm;

/// <summary>The farm at one moment. Immutable.</summary>
/// <param name="Endpoints">Addresses of workers that take work, sorted.</param>
/// <param name="Slots">Their slots.</param>
/// <param name="Busy">Slots with a lease.</param>
/// <param name="Queued">Asks that wait.</param>
/// <param name="QueueSeconds">Seconds of work that wait for each slot: what an autoscaler looks at.</param>
public sealed record FarmView(IReadOnlyList<string> Endpoints, int Slots, int Busy, int Queued, double QueueSeconds)
{
    /// <summary>A farm of nobody.</summary>
    public static FarmView Empty { get; } = new([], 0, 0, 0, 0);

    /// <summary>Workers that are left alone for now, since they failed too often or their results differ.</summary>
    public int Quarantined { get; init; }
}

/// <summary>What somebody who asks for a slot can expect. Immutable.</summary>
/// <param name="Workers">Workers that fit, if they were free; 0: it is refused.</param>
/// <param name="Queued">Asks of the same account that wait before it.</param>
/// <param name="Seconds">About how long it takes; 0: at once.</param>
/// <param name="IsRefused">It does not wait: no worker fits, or too many wait already.</param>
public sealed record QueueAnswer(int Workers, int Queued, double Seconds, bool IsRefused = false);

/// <summary>What a pool has decided. Immutable.</summary>
/// <param name="Granted">Leases.</param>
/// <param name="Refused">Asks that wait no longer, since no worker that fits has been there for a while.</param>
public sealed record PoolAnswers(IReadOnlyList<SlotLease> Granted, IReadOnlyList<SlotAsk> Refused)
{
    /// <summary>Nothing.</summary>
    public static PoolAnswers None { get; } = new([], []);

    /// <summary>Whether there is nothing in it.</summary>
    public bool IsEmpty => Granted.Count + Refused.Count == 0;

    /// <summary>The part that is for one front.</summary>
    public PoolAnswers For(string front) =>
        new([.. Granted.Where(lease => lease.Ask.Front == front)], [.. Refused.Where(ask => ask.Front == front)]);

    /// <summary>The fronts that it is for.</summary>
    public IEnumerable<string> Fronts => Granted.Select(static lease => lease.Ask.Front).Concat(Refused.Select(static ask => ask.Front)).Distinct();
}
