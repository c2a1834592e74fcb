using System.Diagnostics;
using System.Text.Json;
using Repr.Bench.Peers;

namespace Repr.Bench.Tests;

public sealed class ReportTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-bench-tests-").FullName;

    [Fact]
    public async Task A_report_has_medians_ratios_and_what_is_wrong()
    {
        BenchOptions options = new() { Repository = _directory };
        Directory.CreateDirectory(options.Artifacts);
        Report report = new(options, ["A remark."]);
        report.Series.Add(SeriesOf(
            BuildOf("local", 1, 10, 20), BuildOf("local", 2, 20, 40), BuildOf("local", 3, 12, 24),
            BuildOf("distcc", 0, 99, 9), BuildOf("distcc", 1, 18, 6), BuildOf("distcc", 2, 18, 6),
            BuildOf("distcc", 3, 6, 6) with { Wrong = "1 outputs differ: a.o has other bytes" }));

        await report.WriteAsync(TestContext.Current.CancellationToken);

        string[] lines = await File.ReadAllLinesAsync(Path.Combine(options.Artifacts, "results.md"), TestContext.Current.CancellationToken);
        Assert.Contains("A remark.", lines);
        Assert.Contains(lines, line => line.Contains("**1 builds are wrong**", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("| local | 12.0 (10.0) | 1.00 | 24.0 (20.0) | 1.00 |", StringComparison.Ordinal));
        string distcc = Assert.Single(lines, line => line.StartsWith("| distcc | ", StringComparison.Ordinal));
        Assert.StartsWith("| distcc | 18.0 (6.0) | 1.50 | 6.0 (6.0) | 0.25 |", distcc, StringComparison.Ordinal);
        Assert.EndsWith("| **1 of 3 wrong**: 1 outputs differ: a.o has other bytes |", distcc, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("| distcc: first build, once | 99.0 ", StringComparison.Ordinal));
        int[] widths = [.. lines.Where(line => line.StartsWith('|')).TakeWhile(line => line.Length > 0).Take(4).Select(line => line.Count(letter => letter == '|'))];
        Assert.Single(widths.Distinct());
        Assert.True(File.Exists(Path.Combine(options.Artifacts, "wall-sample.svg")));
        Assert.True(File.Exists(Path.Combine(options.Artifacts, "cpu-sample.svg")));
        using JsonDocument json = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(options.Artifacts, "results.json"), TestContext.Current.CancellationToken));
        Assert.Equal(1.5, json.RootElement.GetProperty("series")[0].GetProperty("summaries")[1].GetProperty("wall_ratio").GetDouble());
    }

    [Fact]
    public async Task The_history_gives_back_what_was_added_and_draws_it()
    {
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        History history = new(Path.Combine(_directory, "history.jsonl"));
        HistoryLine line = new(
            "2026-01-31", "abc", new Machine(2, "A processor", "A system"), "sample", 0.5, 3,
            Summary.Of(SeriesOf(BuildOf("local", 1, 10, 20), BuildOf("distcc", 1, 15, 10))));

        Assert.Empty(await history.ReadAsync(cancellationToken));
        await history.AddAsync([line], cancellationToken);
        await history.AddAsync([line with { Commit = "def" }], cancellationToken);
        IReadOnlyList<HistoryLine> read = await history.ReadAsync(cancellationToken);

        Assert.Equal(["abc", "def"], read.Select(kept => kept.Commit));
        Assert.Equal(line.Machine, read[0].Machine);
        Assert.Equal(line.Medians, read[0].Medians);
        (string name, string chart) = Assert.Single(History.Draw(read));
        Assert.Equal("history-sample-0.5ms.svg", name);
        Assert.Contains("2026-01-31 def", chart, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_line_of_the_history_is_named()
    {
        string file = Path.Combine(_directory, "history.jsonl");
        await File.WriteAllTextAsync(file, "{\n", TestContext.Current.CancellationToken);

        BenchException refused = await Assert.ThrowsAsync<BenchException>(() => new History(file).ReadAsync(TestContext.Current.CancellationToken));

        Assert.StartsWith($"{file}, line 1 ", refused.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static Series SeriesOf(params Measurement[] measurements) => new(new Sample(), 0.5, 0.52, 3, [], measurements);

    private static Measurement BuildOf(string configuration, int round, double wall, double cpu) => new()
    {
        Configuration = configuration,
        Round = round,
        WallSeconds = wall,
        CompilingSeconds = null,
        RequesterCpuSeconds = cpu,
        DaemonsCpuSeconds = 0,
        WorkerCpuSeconds = 1,
        OthersCpuSeconds = 0,
        Wire = new WireBytes(1000, 2000),
        Remote = configuration == "local" ? null : 12,
        Note = null,
        Wrong = null,
        Compiles = [],
    };

    private sealed class Sample : Workload
    {
        public override string Key => "sample";

        public override string Title => "A sample";

        public override IReadOnlyList<Configuration> Configurations { get; } = Configuration.OfCompilers(["distcc"]);

        public override int Slots => 1;

        public override Checkout Checkout { get; } = new("/nowhere");

        public override Task PrepareAsync(ControlGroup group, CancellationToken cancellationToken) => throw new NotSupportedException();

        public override ProcessStartInfo StartOf(ControlGroup group, Configuration configuration, Tool? tool, IReadOnlyList<string> prefix) =>
            throw new NotSupportedException();

        public override bool IsCompared(string file) => true;
    }
}
