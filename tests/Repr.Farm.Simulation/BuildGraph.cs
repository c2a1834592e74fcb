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

    /// <summary>Seconds of the longest chain.</summary>
    public double CriticalPath
    {
        get
        {
            double[] ends = new double[Actions.Count];
            for (int index = 0; index < ends.Length; index++)
            {
                ends[index] = Actions[index].Seconds + Actions[index].Needs.Select(need => ends[need]).DefaultIfEmpty().Max();
            }

            return ends.DefaultIfEmpty().Max();
        }
    }

    /// <summary>A graph that comes with the simulation.</summary>
    /// <param name="name">As in "sample".</param>
    public static BuildGraph Load(string name)
    {
        using Stream stream = typeof(BuildGraph).Assembly.GetManifestResourceStream($"Repr.Farm.Simulation.Graphs.{name}.json")
            ?? throw new ArgumentException($"There is no graph '{name}'.", nameof(name));
        return new BuildGraph(JsonSerializer.Deserialize<RecordedAction[]>(stream, s_options)!);
    }

    /// <summary>No build on so many slots can be faster.</summary>
    public double LowerBound(int slots, int builds) => Math.Max(CriticalPath, Work * builds / slots);
}
