using System.Text.Json;

namespace Repr.Farm.Simulation;

/// <summary>One action of a recorded build.</summary>
/// <param name="Name">For people.</param>
/// <param name="Seconds">Of its tool, as it was recorded.</param>
/// <param name="Needs">Indices of actions that must have ended; all lower than its own.</param>
public sealed record RecordedAction(string Name, double Seconds, IReadOnlyList<int> Needs);

/// <summary>A recorded build: what takes how long, and what needs what.</summary>
/// <param name="Actions">In an order in which they can run.</param>
public sealed record BuildGraph(IReadOnlyList<RecordedAction> Actions)
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web);

    /// <summary>Seconds of all actions.</summary>
    public double Work => Actions.Sum(static action => action.Seconds);

    /// <summary>A graph that comes with the simulation.</summary>
    /// <param name="name">As in "sample".</param>
    public static BuildGraph Load(string name)
    {
        using Stream stream = typeof(BuildGraph).Assembly.GetManifestResourceStream($"Repr.Farm.Simulation.Graphs.{name}.json")
            ?? throw new ArgumentException($"There is no graph '{name}'.", nameof(name));
        return new BuildGraph(JsonSerializer.Deserialize<RecordedAction[]>(stream, s_options)!);
    }

    /// <summary>
    /// No builds on so many slots can be faster, in seconds. The longest chain, the work for each slot, and what lies between them (Fernandez, Bussell
    /// 1973): for a given end each action has a time before which it can't begin and one after which it can't end, so between any two times some work must
    /// be done; if it is more than the slots can do, the end is later by at least the excess for each slot.
    /// </summary>
    public double LowerBound(int slots, int builds)
    {
        double[] starts = EarliestStarts();
        double[] tails = LongestTails();
        double chain = Enumerable.Range(0, Actions.Count).Max(index => starts[index] + Actions[index].Seconds + tails[index]);
        double[] times = [.. Enumerable.Range(0, Actions.Count)
            .SelectMany(index => new[] { starts[index], chain - tails[index], starts[index] + Actions[index].Seconds, chain - tails[index] - Actions[index].Seconds })
            .Append(0).Append(chain).Distinct().Order()];
        double excess = 0;
        for (int from = 0; from < times.Length; from++)
        {
            for (int to = from + 1; to < times.Length; to++)
            {
                double length = times[to] - times[from];
                double must = 0;
                for (int index = 0; index < Actions.Count; index++)
                {
                    // Of an action that begins as early, and of one that ends as late as it can, the lesser part between the two times.
                    double seconds = Actions[index].Seconds;
                    double early = starts[index] + seconds - times[from];
                    double late = times[to] - (chain - tails[index] - seconds);
                    must += Math.Max(0, Math.Min(Math.Min(early, late), Math.Min(seconds, length)));
                }

                excess = Math.Max(excess, (must * builds / slots) - length);
            }
        }

        return chain + excess;
    }

    private double[] EarliestStarts()
    {
        double[] starts = new double[Actions.Count];
        for (int index = 0; index < starts.Length; index++)
        {
            starts[index] = Actions[index].Needs.Select(need => starts[need] + Actions[need].Seconds).DefaultIfEmpty().Max();
        }

        return starts;
    }

    /// <summary>Seconds that must pass after the end of each action.</summary>
    public double[] LongestTails()
    {
        double[] tails = new double[Actions.Count];
        for (int index = tails.Length - 1; index >= 0; index--)
        {
            foreach (int need in Actions[index].Needs)
            {
                tails[need] = Math.Max(tails[need], tails[index] + Actions[index].Seconds);
            }
        }

        return tails;
    }
}
