using System.Diagnostics;
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

    private static readonly TimeSpan s_watched = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(30);

    /// <summary>Reads them while no build runs.</summary>
    public Reading Read() => new(box.Requester.Used(), box.Requester.UsedByRunning(), box.Worker.Used(), UsedByMachine(), box.Network.Count());

    /// <summary>
    /// Waits until the machine does nothing, at most half a minute. A runtime goes on after its answer, for seconds: it compiles again what ran
    /// often, on a thread of its own. What is measured next would share the processors with what was measured before.
    /// </summary>
    /// <param name="output">Is told when the machine never was quiet: what is measured next shares it with something.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task WhenQuietAsync(TextWriter output, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan last = TimeSpan.MaxValue;
        while (last > s_quiet && Stopwatch.GetElapsedTime(start) < s_longestWait)
        {
            TimeSpan before = UsedByMachine();
            await Task.Delay(s_watched, cancellationToken);
            last = UsedByMachine() - before;
        }

        if (last > s_quiet)
        {
            await output.WriteLineAsync($"The machine was not quiet for {s_longestWait.TotalSeconds:0} s ({last / s_watched:P0} of a processor): what follows was measured beside something else");
        }
    }

    // "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; a guest's time is in user's as well.
    private static TimeSpan UsedByMachine()
    {
        string[] words = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long ticks = words.Skip(1).Take(7).Where((_, place) => place is not (3 or 4)) // not idle, not iowait
            .Sum(word => long.Parse(word, CultureInfo.InvariantCulture));
        return TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }
}
