using Repr.Bench;
using Repr.Bench.Peers;

namespace Repr.Cases;

/// <summary>What a tool made of a case.</summary>
/// <param name="Remote">Commands that a worker executed, or that came from a cache, in the last run.</param>
/// <param name="Note">Why others were not.</param>
/// <param name="Differences">What differed from the local run in any run; what differs between two local runs is left out.</param>
internal sealed record Cell(int Remote, string? Note, IReadOnlyList<string> Differences);

/// <summary>One case.</summary>
/// <param name="Case">The case.</param>
/// <param name="NotHere">Why this machine can't run it; null: it can.</param>
/// <param name="NotRepeatable">What differs between two local runs.</param>
/// <param name="Cells">By tool.</param>
internal sealed record Row(Case Case, string? NotHere, IReadOnlyList<string> NotRepeatable, IReadOnlyDictionary<string, Cell> Cells);

/// <summary>Runs the cases and the costs. The front door of the project.</summary>
/// <param name="options">What to measure.</param>
/// <param name="output">Where the progress goes.</param>
internal sealed class Matrix(CasesOptions options, TextWriter output)
{
    /// <summary>Measures and writes results.md and results.json.</summary>
    /// <returns>Whether Repr ran all remotely with the results of local runs.</returns>
    /// <exception cref="BenchException">A tool does not start, or a case is itself wrong.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        foreach (string old in new[] { options.State, options.Work }.Where(Directory.Exists))
        {
            Directory.Delete(old, recursive: true);
        }

        Directory.CreateDirectory(options.State);
        Directory.CreateDirectory(options.Work);
        IReadOnlyList<Case> cases = options.WithCases ? Case.ReadAll(options) : [];
        await using Toolbox box = await Toolbox.StartAsync(options.Peers, cancellationToken);
        Report report = new(options);
        foreach (Case measured in cases)
        {
            Row row = await MeasureAsync(box, measured, cancellationToken);
            report.Rows.Add(row);
            await output.WriteLineAsync(report.RowOf(row));
            await report.WriteAsync(cancellationToken);
        }

        if (options.WithCosts)
        {
            await foreach (Cost cost in new Costs(options, box).MeasureAsync(cancellationToken))
            {
                report.Costs.Add(cost);
                await output.WriteLineAsync(Report.RowOf(cost));
                await report.WriteAsync(cancellationToken);
            }
        }

        await output.WriteLineAsync($"Written to {options.Artifacts}/results.md and results.json");
        return report.IsReprPerfect;
    }

    private async Task<Row> MeasureAsync(Toolbox box, Case measured, CancellationToken cancellationToken)
    {
        CaseRun local = await CaseRun.RunAsync(options, box.Requester, measured, null, cancellationToken);
        if (local.Exit == CaseRun.NotHere)
        {
            return new Row(measured, local.Output.Trim(), [], new Dictionary<string, Cell>());
        }

        if (local.Exit != "0")
        {
            throw new BenchException($"The case {measured.Name} fails locally ({local.Exit}):\n{local.Output}{local.Error}");
        }

        CaseRun again = await CaseRun.RunAsync(options, box.Requester, measured, null, cancellationToken);
        IReadOnlyList<string> notRepeatable = again.DifferencesFrom(local);
        Dictionary<string, Cell> cells = [];
        foreach (Tool tool in box.Tools)
        {
            Placement placement = new(0, null);
            List<string> differences = [];
            for (int run = 0; run < tool.Runs; run++)
            {
                await tool.BeginAsync(cancellationToken);
                CaseRun result = await CaseRun.RunAsync(options, box.Requester, measured, tool, cancellationToken);
                placement = await tool.EndAsync(cancellationToken);
                differences.AddRange(result.DifferencesFrom(local).Except(notRepeatable).Except(differences));
                await KeepTextAsync(measured, tool, result, cancellationToken);
            }

            cells[tool.Name] = new Cell(placement.Remote, placement.Note, differences);
        }

        return new Row(measured, null, notRepeatable, cells);
    }

    // For the person who asks why.
    private async Task KeepTextAsync(Case measured, Tool tool, CaseRun run, CancellationToken cancellationToken)
    {
        string directory = Path.Combine(options.State, "text", measured.Name);
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(Path.Combine(directory, tool.Name), $"{run.Output}\n-- stderr\n{run.Error}", cancellationToken);
    }
}
