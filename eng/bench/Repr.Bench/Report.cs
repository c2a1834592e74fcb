using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Repr.Bench;

/// <summary>The figures of a run, for people (Markdown) and for programs (JSON).</summary>
/// <param name="options">What was measured.</param>
/// <param name="outputs">How many outputs were compared after each build.</param>
/// <param name="remarks">What could not be measured, and why.</param>
/// <param name="first">The first remote build.</param>
/// <param name="measurements">The builds of the rounds.</param>
internal sealed class Report(
    BenchOptions options,
    int outputs,
    IReadOnlyList<string> remarks,
    Measurement first,
    IReadOnlyList<Measurement> measurements)
{
    private static readonly JsonSerializerOptions Form =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    /// <summary>Writes both files with what was measured so far.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Path.Combine(options.Artifacts, "results.md"), ToMarkdown(), cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(options.Artifacts, "results.json"), ToJson(), cancellationToken);
    }

    private string ToJson() => JsonSerializer.Serialize(
        new
        {
            Rounds = measurements.Max(build => build.Round),
            options.RoundTripMs,
            Cores = Environment.ProcessorCount,
            System = RuntimeInformation.OSDescription,
            ComparedOutputs = outputs,
            Remarks = remarks,
            First = first,
            Measurements = measurements,
        },
        Form);

    /// <summary>The tables.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        int rounds = measurements.Max(build => build.Round);
        string network = options.RoundTripMs > 0 ? Invariant($"{options.RoundTripMs} ms of round trip to the worker") : "worker on loopback";
        int cores = Environment.ProcessorCount;
        Line(text, Invariant($"Rounds: {rounds}, {cores} cores, {network}; {outputs} outputs identical after every build."));
        foreach (string remark in remarks)
        {
            Line(text, "");
            Line(text, remark);
        }

        Line(text, "");
        Line(text, "Whole build: median (minimum); ratios of medians to the first row.");
        Line(text, "");
        Line(
            text,
            "| Build | Wall s | ratio | Compiler tasks s | ratio | CPU of the requester's side s | ratio | of it daemons s | CPU of the worker s | CPU of others s "
                + "| Remote compiles |");
        Line(text, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        List<Measurement> baseline = BuildsOf(Configuration.Local);
        foreach (Configuration configuration in Configuration.All)
        {
            WriteBuildRow(text, configuration.Title, BuildsOf(configuration), baseline);
        }

        WriteBuildRow(text, "first remote build, once", [first], baseline);
        Line(text, "");
        Line(text, "Per compile: medians over the builds of each build's mean.");
        Line(text, "");
        Line(
            text,
            "| Build | Round trips, at least | Questions | Facts mapped | Request kB | Uploaded kB | Downloaded kB | On the wire: sent kB "
                + "| received kB | Tool ms | Request to answer ms |");
        Line(text, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (Configuration configuration in Configuration.All.Where(configuration => configuration.IsRemote))
        {
            WriteCompileRow(text, configuration.Title, BuildsOf(configuration));
        }

        WriteCompileRow(text, "first remote build, once", [first]);
        return text.ToString();
    }

    private List<Measurement> BuildsOf(Configuration configuration) =>
        [.. measurements.Where(measurement => measurement.Configuration == configuration.Key)];

    private static void WriteBuildRow(StringBuilder text, string title, List<Measurement> builds, List<Measurement> baseline)
    {
        double? wall = Median(builds, build => build.WallSeconds);
        double? compiling = Median(builds, build => build.CompilingSeconds);
        double? cpu = Median(builds, build => build.RequesterCpuSeconds);
        string remote = builds.Exists(build => build.Compiles.Count > 0)
            ? Invariant($"{builds.Sum(build => build.Remote)} of {builds.Sum(build => build.Compiles.Count)}")
            : "–";
        Line(text, "| " + string.Join(
            " | ",
            title,
            Spread(wall, builds.Min(build => build.WallSeconds)),
            Number(wall / Median(baseline, build => build.WallSeconds), "F2"),
            Spread(compiling, builds.Min(build => build.CompilingSeconds)),
            Number(compiling / Median(baseline, build => build.CompilingSeconds), "F2"),
            Spread(cpu, builds.Min(build => build.RequesterCpuSeconds)),
            Number(cpu / Median(baseline, build => build.RequesterCpuSeconds), "F2"),
            Number(Median(builds, build => build.DaemonsCpuSeconds), "F1"),
            Spread(Median(builds, build => build.WorkerCpuSeconds), builds.Min(build => build.WorkerCpuSeconds)),
            Number(Median(builds, build => build.OthersCpuSeconds), "F1"),
            remote) + " |");
    }

    private static void WriteCompileRow(StringBuilder text, string title, List<Measurement> builds) => Line(text, "| " + string.Join(
        " | ",
        title,
        PerCompile(builds, compile => compile.RoundTrips, "F1"),
        PerCompile(builds, compile => compile.AskedBack, "F1"),
        PerCompile(builds, compile => compile.Mapped, "F0"),
        PerCompile(builds, compile => compile.RequestBytes / 1e3, "F1"),
        PerCompile(builds, compile => compile.UploadedBytes / 1e3, "F1"),
        PerCompile(builds, compile => compile.DownloadedBytes / 1e3, "F1"),
        Number(Median(builds, build => build.Wire?.Sent / 1e3 / build.Compiles.Count), "F1"),
        Number(Median(builds, build => build.Wire?.Received / 1e3 / build.Compiles.Count), "F1"),
        PerCompile(builds, compile => compile.ToolMs, "F0"),
        PerCompile(builds, compile => compile.TotalMs, "F0")) + " |");

    private static string PerCompile(List<Measurement> builds, Func<CompileRecord, double> figure, string format) =>
        Number(Median(builds, build => build.Compiles.Count > 0 ? build.Compiles.Average(figure) : null), format);

    private static double? Median(List<Measurement> builds, Func<Measurement, double?> figure)
    {
        List<double> figures = [.. builds.Select(figure).OfType<double>().Order()];
        return figures.Count == 0 ? null : (figures[(figures.Count - 1) / 2] + figures[figures.Count / 2]) / 2;
    }

    private static string Spread(double? median, double? minimum) =>
        median is null ? "–" : Invariant($"{median:F1} ({minimum:F1})");

    private static string Number(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? "–";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
