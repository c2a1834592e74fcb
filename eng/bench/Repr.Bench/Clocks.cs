using System.Globalization;
using Repr.Bench.Peers;

namespace Repr.Bench;

/// <summary>What the clocks show at one moment; null: not counted.</summary>
/// <param name="Requester">Processor time of builds, compiler server and requester process.</param>
/// <param name="Daemons">The part of it of compiler server and requester process, which stay between builds.</param>
/// <param name="Worker">Processor time of the worker and its tools.</param>
/// <param name="Machine">Processor time of everything on this machine.</param>
/// <param name="Wire">Bytes between the requester's side and the workers, headers included.</param>
internal readonly record struct Reading(TimeSpan? Requester, TimeSpan? Daemons, TimeSpan? Worker, TimeSpan Machine, WireBytes Wire);

/// <summary>All that is counted over a build. Not safe for concurrent use.</summary>
/// <param name="box">The tools, and where they run.</param>
internal sealed class Clocks(Toolbox box)
{
    private const int TicksPerSecond = 100; // USER_HZ, see proc_stat(5)

    /// <summary>Reads them while no build runs.</summary>
    public Reading Read() => new(box.Requester.Used(), box.Requester.UsedByRunning(), box.Worker.Used(), UsedByMachine(), box.Network.Count());

    // "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; a guest's time is in user's as well.
    private static TimeSpan UsedByMachine()
    {
        string[] words = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long ticks = words.Skip(1).Take(7).Where((_, place) => place is not (3 or 4)) // not idle, not iowait
            .Sum(word => long.Parse(word, CultureInfo.InvariantCulture));
        return TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }
}
