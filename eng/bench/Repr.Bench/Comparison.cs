using System.Globalization;
using System.Text.Json;
using Repr.Bench.Peers;

namespace Repr.Bench;

/// <summary>The builds of one workload at one distance of the worker.</summary>
/// <param name="Workload">What was built.</param>
/// <param name="RoundTripMs">Milliseconds of round trip that were added.</param>
/// <param name="MeasuredRoundTripMs">What a packet took there and back; null: not measured.</param>
/// <param name="ComparedOutputs">Files that were compared after each build.</param>
/// <param name="NotRepeatable">Files that two local builds leave differently, and that are not compared.</param>
/// <param name="Measurements">All builds, in the order in which they ran.</param>
internal sealed record Series(
    Workload Workload, double RoundTripMs, double? MeasuredRoundTripMs, int ComparedOutputs, IReadOnlyList<string> NotRepeatable, IReadOnlyList<Measurement> Measurements);

/// <summary>Builds a workload again and again, locally and with each tool, side by side in one run.</summary>
/// <param name="options">What to measure.</param>
/// <param name="output">Where the progress goes.</param>
internal sealed class Comparison(BenchOptions options, TextWriter output)
{
    /// <summary>The form of a build record.</summary>
    public static readonly JsonSerializerOptions RecordForm = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    // What a build leaves for later (a digest cache that is written, a compiler server that tidies up) belongs to it.
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(1);

    // A tool that hangs loses its build, not the run.
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(15);

    private const string TooLong = "did not end within 15 minutes";

    /// <summary>Measures.</summary>
    /// <param name="workload">What to build.</param>
    /// <param name="roundTripMs">How far away the workers are.</param>
    /// <param name="each">Called after each round with what there is, so that a run that is stopped leaves its full rounds.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="BenchException">The workload can't be had or built locally, or a tool does not start.</exception>
    public async Task<Series> RunAsync(Workload workload, double roundTripMs, Func<Series, Task> each, CancellationToken cancellationToken)
    {
        // 1. A world of its own: control groups, network, workers.
        await using Toolbox box = await Toolbox.StartAsync(options.PeersFor(workload.Tools, workload.Slots, roundTripMs), cancellationToken);
        double? measured = await MeasureRoundTripAsync(cancellationToken);
        await output.WriteLineAsync(Invariant($"{workload.Title} in {workload.Checkout.Directory}; {roundTripMs} ms of round trip, {measured:F2} ms measured"));
        await workload.PrepareAsync(box.Requester, cancellationToken);
        Clocks clocks = new(box);

        // 2. The first local build is what all others are compared to; it warms a compiler server. The second shows what is never the same.
        Configuration local = workload.Configurations[0];
        Outputs expected = await BuildLocallyAsync(workload, box, local, cancellationToken);
        IReadOnlyList<string> notRepeatable = (await BuildLocallyAsync(workload, box, local, cancellationToken)).PathsThatDiffer(expected);
        expected.LeaveOut(notRepeatable);
        await output.WriteLineAsync($"{expected.Count} outputs are compared after each build");

        // 3. What finds nothing: no digests, no predictions, empty stores and caches. And caches are filled.
        List<Measurement> measurements = [];
        Series series = new(workload, roundTripMs, measured, expected.Count, notRepeatable, measurements);
        foreach (Configuration configuration in workload.Configurations.Where(static configuration => configuration.HasFirst || configuration.IsFilled))
        {
            measurements.Add(await MeasureAsync(workload, box, clocks, expected, notRepeatable, configuration, 0, cancellationToken));
        }

        // 4. The rounds. The order rotates, so that none always follows the same other one.
        for (int round = 1; round <= options.Rounds; round++)
        {
            for (int place = 0; place < workload.Configurations.Count; place++)
            {
                Configuration configuration = workload.Configurations[(place + round - 1) % workload.Configurations.Count];
                measurements.Add(await MeasureAsync(workload, box, clocks, expected, notRepeatable, configuration, round, cancellationToken));
            }

            await each(series);
        }

        return series;
    }

    /// <summary>The middle of a number of pings; null: they are not answered.</summary>
    public static async Task<double?> MeasureRoundTripAsync(CancellationToken cancellationToken)
    {
        using System.Net.NetworkInformation.Ping ping = new();
        List<double> times = [];
        for (int number = 0; number < 11; number++)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            System.Net.NetworkInformation.PingReply reply = await ping.SendPingAsync(
                System.Net.IPAddress.Parse(WorkerNetwork.WorkerAddress), TimeSpan.FromSeconds(2), cancellationToken: cancellationToken);
            if (reply.Status == System.Net.NetworkInformation.IPStatus.Success)
            {
                times.Add(System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        times.Sort();
        return times.Count > 0 ? times[times.Count / 2] : null;
    }

    private static async Task<Outputs> BuildLocallyAsync(Workload workload, Toolbox box, Configuration local, CancellationToken cancellationToken)
    {
        workload.Checkout.Clean();
        ChildProcess build = await ChildProcess.RunAsync(workload.StartOf(box.Requester, local, null, []), cancellationToken);
        return build.ExitCode == 0
            ? await workload.Checkout.ReadAsync(workload.IsCompared, cancellationToken)
            : throw new BenchException($"{workload.Title} can't be built locally:\n{build.Output}");
    }

    private async Task<Measurement> MeasureAsync(
        Workload workload, Toolbox box, Clocks clocks, Outputs expected, IReadOnlyList<string> notRepeatable, Configuration configuration, int round,
        CancellationToken cancellationToken)
    {
        // 1. Nothing is built yet, and the tool is ready.
        string id = Invariant($"{configuration.Key}-{round}");
        workload.Checkout.Clean();
        Tool? tool = configuration.Tool is null ? null : box.Tools.First(tool => tool.Name == configuration.Tool);
        if (tool is not null && configuration.IsCold)
        {
            await tool.ForgetAsync(cancellationToken);
        }

        await (tool?.BeginAsync(cancellationToken) ?? Task.CompletedTask);

        await Clocks.WhenQuietAsync(output, cancellationToken);

        // 2. The build.
        Reading before = clocks.Read();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_longest);
        ChildProcess build;
        try
        {
            build = await ChildProcess.RunAsync(workload.StartOf(box.Requester, configuration, tool, []), limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            build = new ChildProcess(-1, TooLong, s_longest);
        }

        await Task.Delay(s_settling, cancellationToken);
        Reading after = clocks.Read();

        // 3. What it left.
        Placement? placement = tool is null ? null : await tool.EndAsync(cancellationToken);
        string? wrong = null;
        if (build.ExitCode != 0)
        {
            await File.WriteAllTextAsync(Path.Combine(options.Artifacts, $"failed-{workload.Key}-{id}.log"), build.Output, cancellationToken);
            wrong = build.Output == TooLong ? TooLong : Invariant($"failed (exit code {build.ExitCode}, failed-{workload.Key}-{id}.log)");
        }
        else
        {
            Outputs outputs = await workload.Checkout.ReadAsync(workload.IsCompared, cancellationToken);
            outputs.LeaveOut(notRepeatable);
            List<string> differences = [.. outputs.DifferencesFrom(expected)];
            wrong = differences.Count == 0 ? null : Invariant($"{differences.Count} outputs differ: {string.Join(", ", differences.Take(3))}");
        }

        Measurement measurement = new()
        {
            Configuration = configuration.Key,
            Round = round,
            WallSeconds = build.Wall.TotalSeconds,
            CompilingSeconds = workload.TimeOfCompilers(build.Output)?.TotalSeconds,
            RequesterCpuSeconds = (after.Requester - before.Requester)?.TotalSeconds,
            DaemonsCpuSeconds = (after.Daemons - before.Daemons)?.TotalSeconds,
            WorkerCpuSeconds = (after.Worker - before.Worker)?.TotalSeconds,
            OthersCpuSeconds =
                (after.Machine - after.Requester - after.Worker - (before.Machine - before.Requester - before.Worker))?.TotalSeconds,
            Wire = after.Wire - before.Wire,
            Remote = placement?.Remote,
            Note = placement?.Note,
            Wrong = wrong,
            Compiles = tool is ReprTool repr && File.Exists(repr.Record) ? ReadRecord(repr.Record) : [],
        };
        await output.WriteLineAsync(Invariant(
            $"{id}: {measurement.WallSeconds:F1} s; CPU {measurement.RequesterCpuSeconds:F1} s, worker {measurement.WorkerCpuSeconds:F1} s, others {measurement.OthersCpuSeconds:F1} s, ")
            + Invariant($"{(measurement.Wire.Sent + measurement.Wire.Received) / 1e3:F0} kB, {measurement.Remote} remote {measurement.Note}{(wrong is null ? "" : "; " + wrong)}"));
        return measurement;
    }

    /// <summary>Reads a build record.</summary>
    public static IReadOnlyList<CompileRecord> ReadRecord(string file) =>
        [.. File.ReadLines(file).Select(line => JsonSerializer.Deserialize<CompileRecord>(line, RecordForm)!)];

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
