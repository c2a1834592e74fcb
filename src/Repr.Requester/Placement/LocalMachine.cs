using System.Globalization;
using Repr.Requester.Actions;

namespace Repr.Requester.Placement;

/// <summary>What this machine does at a moment.</summary>
/// <param name="Busy">Programs that want a processor (proc_loadavg(5)).</param>
/// <param name="Pressure">The share of the last ten seconds in which one of them had to wait for it, 0 to 1 (Pressure Stall Information).</param>
/// <param name="AvailableBytes">Memory that can be had without swapping.</param>
internal readonly record struct LocalLoad(double Busy, double Pressure, long AvailableBytes)
{
    /// <summary>What the kernel says. What it does not say counts as busy: nothing comes here by choice where that is not known.</summary>
    public static LocalLoad Measure(Func<long> availableBytes)
    {
        try
        {
            // "0.20 0.18 0.12 2/80 11206": of 80, 2 want to run, this one among them. The averages before are those of minutes.
            string running = File.ReadAllText("/proc/loadavg").Split(' ')[3].Split('/')[0];
            return new LocalLoad(Math.Max(0, double.Parse(running, CultureInfo.InvariantCulture) - 1), ReadPressure(), availableBytes());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return new LocalLoad(double.PositiveInfinity, 1, 0);
        }
    }

    // "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; kernels without it are judged by what runs alone.
    private static double ReadPressure()
    {
        const string Name = "avg10=";
        try
        {
            string some = File.ReadLines("/proc/pressure/cpu").First();
            int start = some.IndexOf(Name, StringComparison.Ordinal) + Name.Length;
            return double.Parse(some.AsSpan(start, some.IndexOf(' ', start) - start), CultureInfo.InvariantCulture) / 100;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or ArgumentException or InvalidOperationException)
        {
            return 0;
        }
    }
}

/// <summary>
/// The room of this machine for actions that run here by choice. When they end nobody says, so each holds its place for as long as it is expected to take, and half as
/// long again. Safe for concurrent use.
/// </summary>
/// <param name="slots">How many at the same time, whatever else runs; null: as many as processors are idle.</param>
/// <param name="measure">What the machine does.</param>
/// <param name="time">The clock.</param>
internal sealed class LocalMachine(int? slots, Func<LocalLoad> measure, TimeProvider time)
{
    private const double PressureLimit = 0.25;

    private static readonly TimeSpan s_margin = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly List<DateTimeOffset> _kept = [];

    /// <summary>What one more action would cost here, and whether there is room for it.</summary>
    public (LocalCost Cost, bool HasRoom) Look(double toolMs)
    {
        LocalLoad load = measure();
        int kept = CountKept();
        int processors = slots ?? Environment.ProcessorCount;
        double busy = slots is null ? Math.Max(load.Busy, kept) : kept;
        bool isFree = busy + 1 <= processors && load.AvailableBytes >= LocalQueue.BytesForOne && (slots is not null || load.Pressure < PressureLimit);
        return (new LocalCost { ToolMs = toolMs, Busy = busy, Processors = processors }, isFree);
    }

    /// <summary>Notes that an action comes here.</summary>
    /// <param name="expected">How long it will take.</param>
    public void Keep(TimeSpan expected)
    {
        lock (_lock)
        {
            _kept.Add(time.GetUtcNow() + (1.5 * expected) + s_margin);
        }
    }

    private int CountKept()
    {
        DateTimeOffset now = time.GetUtcNow();
        lock (_lock)
        {
            _kept.RemoveAll(end => end <= now);
            return _kept.Count;
        }
    }
}
