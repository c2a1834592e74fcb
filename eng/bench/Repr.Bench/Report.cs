using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using static Repr.Bench.Figures;

namespace Repr.Bench;

/// <summary>The figures of a run, for people (Markdown, SVG) and for programs (JSON).</summary>
/// <param name="options">What was measured.</param>
/// <param name="remarks">What could not be measured, and why.</param>
internal sealed class Report(BenchOptions options, IReadOnlyList<string> remarks)
{
    private static readonly string[] s_tasks = ["Compiler tasks s", "ratio"];

    /// <summary>The form of all JSON for programs.</summary>
    public static readonly JsonSerializerOptions Form = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>What was measured so far, by workload and round trip.</summary>
    public List<Series> Series { get; } = [];

    /// <summary>Writes all files with what was measured so far.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Path.Combine(options.Artifacts, "results.md"), ToMarkdown(), cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(options.Artifacts, "results.json"), ToJson(), cancellationToken);
        foreach (IGrouping<string, Series> workload in Series.GroupBy(static series => series.Workload.Key))
        {
            Series first = workload.First();
            (string Key, string Title)[] rows = [.. first.Workload.Configurations.Select(static configuration => (configuration.Key, configuration.Title))];
            await WriteChartAsync("wall", "Time of a build", static summary => summary.WallRatio);
            await WriteChartAsync("cpu", "Processor time of the requester's side", static summary => summary.RequesterCpuRatio);

            Task WriteChartAsync(string name, string title, Func<Summary, double?> figure) => File.WriteAllTextAsync(
                Path.Combine(options.Artifacts, $"{name}-{workload.Key}.svg"),
                Charts.Bars(
                    $"{title}: {first.Workload.Title}",
                    "ratio to the local build",
                    [.. rows.Select(static row => row.Title)],
                    [.. workload.Select(series => (Invariant($"{series.RoundTripMs} ms"), ValuesOf(rows, series, figure)))]),
                cancellationToken);
        }
    }

    /// <summary>The tables.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        text.Append(Invariant($"{Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {DateTime.UtcNow:yyyy-MM-dd}.\n"));
        foreach (string remark in remarks)
        {
            text.Append('\n').Append(remark).Append('\n');
        }

        foreach (Series series in Series)
        {
            Write(text, series);
        }

        return text.ToString();
    }

    private static IReadOnlyList<double?> ValuesOf((string Key, string Title)[] rows, Series series, Func<Summary, double?> figure)
    {
        IReadOnlyList<Summary> summaries = Summary.Of(series);
        return [.. rows.Select(row => summaries.FirstOrDefault(summary => summary.Configuration == row.Key) is { } summary ? figure(summary) : null)];
    }

    private string ToJson() => JsonSerializer.Serialize(
        new
        {
            Machine = Machine.Describe(),
            Remarks = remarks,
            Series = Series.Select(series => new
            {
                Workload = series.Workload.Key,
                series.RoundTripMs,
                series.MeasuredRoundTripMs,
                series.ComparedOutputs,
                series.NotRepeatable,
                Summaries = Summary.Of(series),
                series.Measurements,
            }),
        },
        Form);

    private static void Write(StringBuilder text, Series series)
    {
        int rounds = series.Measurements.Max(static build => build.Round);
        int wrong = series.Measurements.Count(static build => build.Wrong is not null);
        text.Append(Invariant($"\n## {series.Workload.Title}, {series.RoundTripMs} ms of round trip\n\n"));
        text.Append(Invariant($"Rounds: {rounds}; a ping took {Number(series.MeasuredRoundTripMs, "F2")} ms; {series.ComparedOutputs} outputs "));
        text.Append(wrong == 0 ? "identical after every build.\n" : Invariant($"compared; **{wrong} builds are wrong**.\n"));
        if (series.NotRepeatable.Count > 0)
        {
            text.Append(Invariant($"Not compared, since two local builds leave them differently: {series.NotRepeatable.Count} files, as {series.NotRepeatable[0]}.\n"));
        }

        bool hasTasks = series.Measurements.Any(static build => build.CompilingSeconds is not null);
        text.Append("\nWhole build: median (minimum); ratios of medians to the first row.\n\n");
        text.Append(Head([
            "Build", "Wall s", "ratio", .. hasTasks ? s_tasks : [], "CPU of the requester's side s", "ratio", "of it daemons s",
            "CPU of the workers s", "CPU of others s", "Sent kB", "Received kB", "Remote or from the cache", "Outputs",
        ]));
        List<Measurement> baseline = BuildsOf(series, series.Workload.Configurations[0]);
        foreach (Configuration configuration in series.Workload.Configurations)
        {
            WriteBuildRow(text, configuration.Title, BuildsOf(series, configuration), baseline, hasTasks);
        }

        foreach (Configuration configuration in series.Workload.Configurations.Where(static configuration => configuration.HasFirst))
        {
            List<Measurement> first = [.. series.Measurements.Where(build => build.Round == 0 && build.Configuration == configuration.Key)];
            WriteBuildRow(text, configuration.Title + ": first build, once", first, baseline, hasTasks);
        }

        if (!series.Workload.Configurations.Any(static configuration => configuration.IsRepr))
        {
            return;
        }

        text.Append("\nRepr per compile: medians over the builds of each build's mean.\n\n");
        text.Append(Head(
            "Build", "Round trips, at least", "Questions", "Facts mapped", "Request kB", "Uploaded kB", "Downloaded kB", "On the wire: sent kB", "received kB",
            "Tool ms", "Request to answer ms"));
        foreach (Configuration configuration in series.Workload.Configurations.Where(static configuration => configuration.IsRepr))
        {
            WriteCompileRow(text, configuration.Title, BuildsOf(series, configuration));
            if (configuration.HasFirst)
            {
                WriteCompileRow(
                    text, configuration.Title + ": first build, once", [.. series.Measurements.Where(build => build.Round == 0 && build.Configuration == configuration.Key)]);
            }
        }
    }

    private static List<Measurement> BuildsOf(Series series, Configuration configuration) =>
        [.. series.Measurements.Where(build => build.Round > 0 && build.Configuration == configuration.Key)];

    private static void WriteBuildRow(StringBuilder text, string title, List<Measurement> builds, List<Measurement> baseline, bool hasTasks)
    {
        if (builds.Count == 0)
        {
            return;
        }

        double? wall = Median(builds, static build => build.WallSeconds);
        double? compiling = Median(builds, static build => build.CompilingSeconds);
        double? cpu = Median(builds, static build => build.RequesterCpuSeconds);
        bool isRemote = builds.Exists(static build => build.Remote is not null);
        string[] notes = [.. builds.Select(static build => build.Note).OfType<string>().Distinct()];
        string remote = !isRemote ? "–"
            : builds.Exists(static build => build.Compiles.Count > 0)
                ? Invariant($"{builds.Sum(static build => build.Remote)} of {builds.Sum(static build => build.Compiles.Count)}")
                : Invariant($"{builds.Sum(static build => build.Remote)}");
        string[] wrong = [.. builds.Select(static build => build.Wrong).OfType<string>()];
        text.Append(Row([
            title,
            Spread(wall, builds.Min(static build => build.WallSeconds)),
            Number(wall / Median(baseline, static build => build.WallSeconds), "F2"),
            .. hasTasks
                ? new[]
                {
                    Spread(compiling, builds.Min(static build => build.CompilingSeconds)),
                    Number(compiling / Median(baseline, static build => build.CompilingSeconds), "F2"),
                }
                : [],
            Spread(cpu, builds.Min(static build => build.RequesterCpuSeconds)),
            Number(cpu / Median(baseline, static build => build.RequesterCpuSeconds), "F2"),
            Number(Median(builds, static build => build.DaemonsCpuSeconds), "F1"),
            Spread(Median(builds, static build => build.WorkerCpuSeconds), builds.Min(static build => build.WorkerCpuSeconds)),
            Number(Median(builds, static build => build.OthersCpuSeconds), "F1"),
            isRemote ? Number(Median(builds, static build => build.Wire.Sent / 1e3), "F0") : "–",
            isRemote ? Number(Median(builds, static build => build.Wire.Received / 1e3), "F0") : "–",
            notes.Length == 0 ? remote : $"{remote} ({string.Join("; ", notes)})",
            wrong.Length == 0 ? "the same" : Invariant($"**{wrong.Length} of {builds.Count} wrong**: {wrong[0]}"),
        ]));
    }

    private static void WriteCompileRow(StringBuilder text, string title, List<Measurement> builds)
    {
        if (builds.Count > 0)
        {
            text.Append(Row(
                title,
                PerCompile(builds, static compile => compile.RoundTrips, "F1"),
                PerCompile(builds, static compile => compile.AskedBack, "F1"),
                PerCompile(builds, static compile => compile.Mapped, "F0"),
                PerCompile(builds, static compile => compile.RequestBytes / 1e3, "F1"),
                PerCompile(builds, static compile => compile.UploadedBytes / 1e3, "F1"),
                PerCompile(builds, static compile => compile.DownloadedBytes / 1e3, "F1"),
                Number(Median(builds, static build => build.Compiles.Count > 0 ? build.Wire.Sent / 1e3 / build.Compiles.Count : null), "F1"),
                Number(Median(builds, static build => build.Compiles.Count > 0 ? build.Wire.Received / 1e3 / build.Compiles.Count : null), "F1"),
                PerCompile(builds, static compile => compile.ToolMs, "F0"),
                PerCompile(builds, static compile => compile.TotalMs, "F0")));
        }
    }

    private static string PerCompile(List<Measurement> builds, Func<CompileRecord, double> figure, string format) =>
        Number(Median(builds, build => build.Compiles.Count > 0 ? build.Compiles.Average(figure) : null), format);

    private static double? Median(List<Measurement> builds, Func<Measurement, double?> figure) => Figures.Median(builds.Select(figure));
}
