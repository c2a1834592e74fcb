using System.Globalization;

namespace Repr.Bench;

/// <summary>Measures all workloads at all distances, and writes tables, charts and the history. The front door of the bench.</summary>
/// <param name="options">What to measure.</param>
/// <param name="output">Where the progress and the tables go.</param>
internal sealed class Referee(BenchOptions options, TextWriter output)
{
    /// <summary>Measures.</summary>
    /// <returns>Whether no build of Repr failed or left other files than the local one.</returns>
    /// <exception cref="BenchException">Something could not be measured at all.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        await using ControlGroup probe = ControlGroup.Create("probe");
        List<string> remarks = probe.WhyNot is { } whyNot ? [whyNot] : [];
        Report report = new(options, remarks);
        Comparison comparison = new(options, output);
        List<Workload> workloads = [.. WorkloadsOf(options)];
        try
        {
            foreach ((Workload workload, double roundTrip) in workloads.SelectMany(_ => options.RoundTripsMs, ValueTuple.Create))
            {
                int place = report.Series.Count;
                await comparison.RunAsync(
                    workload,
                    roundTrip,
                    async series =>
                    {
                        report.Series.RemoveRange(place, report.Series.Count - place);
                        report.Series.Add(series);
                        await report.WriteAsync(cancellationToken);
                    },
                    cancellationToken);
            }
        }
        finally
        {
            workloads.ForEach(static workload => workload.Checkout.Discard());
        }

        await KeepAsync(report, cancellationToken);
        await output.WriteLineAsync(report.ToMarkdown());
        await output.WriteLineAsync($"Written to {options.Artifacts}: results.md, results.json, *.svg");
        return report.Series.TrueForAll(static series => series.Measurements.All(
            build => build.Wrong is null || !series.Workload.Configurations.First(configuration => configuration.Key == build.Configuration).IsRepr));
    }

    private static IEnumerable<Workload> WorkloadsOf(BenchOptions options)
    {
        string work = Path.Combine(options.Artifacts, "work");
        if (options.Solution is not null)
        {
            // Outside of this repository: its properties and settings would be found upwards. Not in /tmp, which is private to each action.
            yield return new SolutionWorkload(options, "/var/tmp/repr-bench/solution");
            yield break;
        }

        foreach (string key in options.Workloads)
        {
            yield return key == "csharp"
                ? new SolutionWorkload(options, Path.Combine(work, key))
                : new CxxWorkload(options, key, Path.Combine(work, key));
        }
    }

    private async Task KeepAsync(Report report, CancellationToken cancellationToken)
    {
        History history = new(options.History);
        if (options.Keep)
        {
            ChildProcess commit = await ChildProcess.RunAsync(
                "git", ["-C", options.Repository, "describe", "--always", "--dirty", "--abbrev=10"], cancellationToken);
            await history.AddAsync(
                report.Series.Select(series => new HistoryLine(
                    DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
                    commit.ExitCode == 0 ? commit.Output.Trim() : "unknown",
                    Machine.Describe(),
                    series.Workload.Key,
                    series.RoundTripMs,
                    options.Rounds,
                    Summary.Of(series))),
                cancellationToken);
        }

        foreach ((string name, string chart) in History.Draw(await history.ReadAsync(cancellationToken)))
        {
            await File.WriteAllTextAsync(Path.Combine(options.Artifacts, name), chart, cancellationToken);
        }
    }
}
