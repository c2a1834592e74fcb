using System.Text;
using Repr.Protocol;
using Repr.Protocol.V1;

namespace Repr.Server.Results;

/// <summary>What became of a run that ended.</summary>
/// <param name="Differences">What an earlier run left differently, for people; empty: nothing, as far as anything is known.</param>
/// <param name="News">What other workers are told; null: nothing.</param>
internal sealed record KeptRun(IReadOnlyList<string> Differences, Knowledge? News)
{
    /// <summary>It is not kept.</summary>
    public static KeptRun Nothing { get; } = new([], null);

    /// <summary>Whether its result is known now.</summary>
    public bool IsKnown => News is not null && Differences.Count == 0;
}

/// <summary>Compares what a run left and said with earlier runs in the same world. Not safe for concurrent use.</summary>
/// <param name="workerId">This worker.</param>
internal sealed class RunComparison(string workerId)
{
    private readonly SortedSet<string> _withItself = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _withOthers = new(StringComparer.Ordinal);

    /// <summary>What this worker left differently before: the command is not repeatable.</summary>
    public IReadOnlyList<string> WithItself => [.. _withItself];

    /// <summary>What other workers left differently: the command is not repeatable, or one of them differs.</summary>
    public IReadOnlyList<string> WithOthers => [.. _withOthers];

    /// <summary>Compares.</summary>
    /// <param name="run">The run.</param>
    /// <param name="earlier">What an earlier one left.</param>
    /// <param name="said">What that said; null: it is not known any more.</param>
    public void Add(FinishedRun run, KnownResult earlier, ToolText? said)
    {
        Dictionary<string, Output> before = earlier.Outputs.ToDictionary(static output => output.Path, StringComparer.Ordinal);
        Dictionary<string, Output> now = run.Result.Outputs.ToDictionary(static output => output.Path.Text, WireConversions.ToWire, StringComparer.Ordinal);
        IEnumerable<string> different = before.Keys.Union(now.Keys)
            .Where(path => !run.TellsDurations(path))
            .Where(path => !before.TryGetValue(path, out Output? one) || !now.TryGetValue(path, out Output? other) || !one.Equals(other));
        if (said is not null && !LinesOf(said).SequenceEqual(LinesOf(run.Text!), StringComparer.Ordinal))
        {
            different = different.Append("what it said");
        }

        if (earlier.WorkerId == workerId)
        {
            _withItself.UnionWith(different);
        }
        else
        {
            _withOthers.UnionWith(different.Select(path => $"{path} (another on worker {earlier.WorkerId})"));
        }
    }

    /// <summary>The name of what a run left and said: the same for runs between which <see cref="Add"/> finds no difference.</summary>
    public static Digest OutcomeOf(FinishedRun run)
    {
        using Fingerprint outcome = new("repr outcome 1");
        foreach (Output output in run.Result.Outputs.Select(WireConversions.ToWire)
            .Where(output => !run.TellsDurations(output.Path))
            .OrderBy(static output => output.Path, StringComparer.Ordinal))
        {
            outcome.Add(output.Path).Add((int)output.ChangeCase).Add(output.SymlinkTarget).Add(output.File?.Mode ?? output.Directory?.Mode ?? 0);
            outcome.Add(output.File?.Digest.ToCore() ?? Digest.Empty);
        }

        return outcome.Add([.. LinesOf(run.Text!)]).End();
    }

    // In any order: tools that work on many things at a time say the same, but not in the same order.
    private static IEnumerable<string> LinesOf(ToolText text) => text.Chunks
        .GroupBy(static chunk => chunk.IsStderr)
        .SelectMany(static stream => Encoding.UTF8.GetString([.. stream.SelectMany(static chunk => chunk.Data)])
            .Split('\n')
            .Select(line => (stream.Key ? "2" : "1") + line))
        .Order(StringComparer.Ordinal);
}
