using System.Collections.Concurrent;

namespace Repr.Requester.Discovery;

/// <summary>
/// Workers that lost a race lately: they get no new actions for a while if there are others, each time for twice as long (outlier ejection, as Envoy has it). Else the next
/// action would go to the slow one again, since it has free slots. Safe for concurrent use.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class SlowWorkers(TimeProvider time)
{
    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(160);

    private readonly ConcurrentDictionary<Uri, Ejection> _workers = new();

    /// <summary>Notes that a worker lost a race. Those that it loses meanwhile count as the same.</summary>
    public void Note(Uri worker) => _workers.AddOrUpdate(
        worker,
        _ => new Ejection(time.GetUtcNow() + s_first, s_first),
        (_, last) => last.Until > time.GetUtcNow() ? last : Next(last));

    /// <summary>Whether it gets nothing now if there are others.</summary>
    public bool Has(Uri worker) => _workers.TryGetValue(worker, out Ejection ejection) && ejection.Until > time.GetUtcNow();

    /// <summary>All of them.</summary>
    public IEnumerable<Uri> Current => _workers.Keys.Where(Has);

    private Ejection Next(Ejection last)
    {
        TimeSpan length = last.Length * 2 > s_longest ? s_longest : last.Length * 2;
        return new Ejection(time.GetUtcNow() + length, length);
    }

    private readonly record struct Ejection(DateTimeOffset Until, TimeSpan Length);
}
