using System.Collections.Concurrent;

namespace Repr.Requester.Discovery;

/// <summary>
/// Workers that lost a race lately: they get no new actions for a while if there are others. Else the next action would go to the slow one again, since it has free slots. Each time it
/// is for twice as long, and for half as long again with each minute in which it lost none: outlier ejection, as gRPC (proposal A50) and Envoy have it, whose interval is shorter
/// since what they judge takes milliseconds. Safe for concurrent use.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class SlowWorkers(TimeProvider time)
{
    private const int MaximumLevel = 4; // 160 s

    private static readonly TimeSpan s_first = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_forgiven = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Uri, Ejection> _workers = new();

    /// <summary>Notes that a worker lost a race. Those that it loses meanwhile count as the same.</summary>
    public void Note(Uri worker) => _workers.AddOrUpdate(
        worker, _ => Eject(0), (_, last) => last.Until > time.GetUtcNow() ? last : Eject(Math.Min(MaximumLevel, LevelNow(last) + 1)));

    /// <summary>Whether it gets nothing now if there are others.</summary>
    public bool Has(Uri worker) => _workers.TryGetValue(worker, out Ejection ejection) && ejection.Until > time.GetUtcNow();

    /// <summary>All of them.</summary>
    public IEnumerable<Uri> Current => _workers.Keys.Where(Has);

    private Ejection Eject(int level) => new(time.GetUtcNow() + (s_first * (1 << level)), level);

    // -1: as if it had never lost one.
    private int LevelNow(Ejection last) => (int)Math.Max(-1, last.Level - Math.Floor((time.GetUtcNow() - last.Until) / s_forgiven));

    private readonly record struct Ejection(DateTimeOffset Until, int Level);
}
