using System.Text.Json;
using static Repr.Bench.Figures;

namespace Repr.Bench;

/// <summary>One series of a run, as it is kept.</summary>
/// <param name="Date">The day, as in "2026-01-31".</param>
/// <param name="Commit">What was measured, as `git describe --always --dirty` says it.</param>
/// <param name="Machine">Where.</param>
/// <param name="Workload">Key of the workload.</param>
/// <param name="RoundTripMs">Milliseconds of round trip that were added.</param>
/// <param name="Rounds">Over how many builds of each configuration the medians are.</param>
/// <param name="Medians">Of each configuration.</param>
internal sealed record HistoryLine(
    string Date, string Commit, Machine Machine, string Workload, double RoundTripMs, int Rounds, IReadOnlyList<Summary> Medians);

/// <summary>The medians of earlier runs: a file of JSON lines, to which lines are only added.</summary>
/// <param name="file">Where it is.</param>
internal sealed class History(string file)
{
    private static readonly JsonSerializerOptions s_form = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Adds lines.</summary>
    public Task AddAsync(IEnumerable<HistoryLine> lines, CancellationToken cancellationToken) =>
        File.AppendAllTextAsync(file, string.Concat(lines.Select(static line => JsonSerializer.Serialize(line, s_form) + "\n")), cancellationToken);

    /// <summary>Reads all of it; nothing when there is none yet.</summary>
    /// <exception cref="BenchException">A line is damaged.</exception>
    public async Task<IReadOnlyList<HistoryLine>> ReadAsync(CancellationToken cancellationToken)
    {
        List<HistoryLine> lines = [];
        int number = 0;
        foreach (string line in File.Exists(file) ? await File.ReadAllLinesAsync(file, cancellationToken) : [])
        {
            number++;
            try
            {
                lines.Add(JsonSerializer.Deserialize<HistoryLine>(line, s_form)!);
            }
            catch (JsonException exception)
            {
                throw new BenchException(Invariant($"{file}, line {number} is no line of the history: {exception.Message}"));
            }
        }

        return lines;
    }

    /// <summary>A chart of ratios over runs for each workload and round trip, by name of file. Only what the same kind of machine measured is comparable.</summary>
    public static IReadOnlyDictionary<string, string> Draw(IReadOnlyList<HistoryLine> lines)
    {
        Dictionary<string, string> charts = [];
        foreach (IGrouping<(string Workload, double RoundTripMs, Machine Machine), HistoryLine> group in lines.GroupBy(static line => (line.Workload, line.RoundTripMs, line.Machine)))
        {
            List<HistoryLine> runs = [.. group];
            string[] configurations = [.. runs.SelectMany(static run => run.Medians).Select(static median => median.Configuration).Distinct()];
            string name = Invariant($"history-{group.Key.Workload}-{group.Key.RoundTripMs}ms");
            string unique = charts.ContainsKey(name + ".svg") ? Invariant($"{name}-{charts.Count}") : name;
            charts[unique + ".svg"] = Charts.Lines(
                Invariant($"{group.Key.Workload}, {group.Key.RoundTripMs} ms, {group.Key.Machine.Cores} cores {group.Key.Machine.Processor}"),
                "time of a build, ratio to the local one",
                [.. runs.Select(static run => $"{run.Date} {run.Commit}")],
                [.. configurations.Skip(1).Select(configuration => (
                    configuration,
                    (IReadOnlyList<double?>)[.. runs.Select(run => run.Medians.FirstOrDefault(median => median.Configuration == configuration)?.WallRatio)]))]);
        }

        return charts;
    }
}
