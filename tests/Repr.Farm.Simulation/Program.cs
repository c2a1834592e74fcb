using System.CommandLine;
using System.Diagnostics;
using Repr.Farm.Simulation;

Option<int> seed = new("--seed") { DefaultValueFactory = static _ => 1, Description = "First seed." };
Option<int> seeds = new("--seeds") { DefaultValueFactory = static _ => 1, Description = "Runs, each with the next seed." };
Option<int> workers = new("--workers") { DefaultValueFactory = static _ => 20 };
Option<int> slots = new("--slots") { DefaultValueFactory = static _ => 4 };
Option<int> requesters = new("--requesters") { DefaultValueFactory = static _ => 8 };
Option<int> actions = new("--actions") { DefaultValueFactory = static _ => 10_000 };
Option<double> faults = new("--seconds-between-faults");
Option<double> ahead = new("--ahead") { DefaultValueFactory = static _ => new Repr.Farm.PoolOptions().AheadPerSlot };
Option<string?> graph = new("--graph") { Description = "A recorded build for each requester instead of --actions." };
Option<bool> uniform = new("--uniform") { Description = "All workers have the same slots and speed." };
Option<string?> record = new("--record") { Description = "Writes the graph of this build record instead, with --solution." };
Option<string> solution = new("--solution") { Description = "The directory of its projects." };
RootCommand root = new("Runs a farm in virtual time. The same options give the same run.") { seed, seeds, workers, slots, requesters, actions, faults, ahead, graph, uniform, record, solution };
root.SetAction(parsed =>
{
    if (parsed.GetValue(record) is { } file)
    {
        Console.WriteLine(GraphRecorder.Record(file, parsed.GetRequiredValue(solution)));
        return 0;
    }

    int first = parsed.GetValue(seed);
    for (int current = first; current < first + parsed.GetValue(seeds); current++)
    {
        SimulationOptions options = new()
        {
            Seed = current,
            Workers = parsed.GetValue(workers),
            Slots = parsed.GetValue(slots),
            Requesters = parsed.GetValue(requesters),
            Actions = parsed.GetValue(actions),
            SecondsBetweenFaults = parsed.GetValue(faults),
            IsUniform = parsed.GetValue(uniform),
            Graph = parsed.GetValue(graph) is { } name ? BuildGraph.Load(name) : null,
            Pool = new Repr.Farm.PoolOptions { AheadPerSlot = parsed.GetValue(ahead) },
        };
        Stopwatch watch = Stopwatch.StartNew();
        try
        {
            SimulationResult result = Simulation.Run(options);
            double bound = options.Graph?.LowerBound(result.Slots, options.Requesters) ?? result.Used.Values.Sum() / result.Slots;
            Console.WriteLine(FormattableString.Invariant(
                $"seed {current}: {result.Actions} actions in {result.Seconds:F1} s on {result.Slots} slots, {result.Local} local, {result.Retries} retries, {result.Refusals} refused leases, {result.Faults} faults, {result.PoolsLost} pools lost, longest wait {result.LongestWait:F1} s, use {result.Used.Values.Sum() / (result.Slots * result.Seconds):P1}, {result.Seconds / Math.Max(bound, 0.001):F3} of the lower bound {bound:F1} s; {result.Events} events in {watch.Elapsed.TotalSeconds:F1} s"));
        }
        catch (BrokenPromiseException broken)
        {
            Console.Error.WriteLine(broken.Message);
            return 1;
        }
    }

    return 0;
});
return root.Parse(args).Invoke();
