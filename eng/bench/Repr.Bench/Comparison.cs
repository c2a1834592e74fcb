using System.Globalization;
using System.Text.Json;

namespace Repr.Bench;

/// <summary>Builds the sample again and again, locally and remotely, side by side in one run. The front door of the bench.</summary>
/// <param name="options">What to measure.</param>
/// <param name="output">Where the progress and the tables go.</param>
internal sealed class Comparison(BenchOptions options, TextWriter output)
{
    // What a build leaves for later (a digest cache that is written, a compiler server that tidies up) belongs to it.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private static readonly JsonSerializerOptions RecordForm = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Measures, prints the tables and writes results.json and results.md.</summary>
    /// <exception cref="BenchException">A build fails, or its outputs are not those of the first local build.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // 1. A world of its own: control groups, runtime directory, worker.
        string runtime = Directory.CreateTempSubdirectory("repr-bench-").FullName; // short: it holds a socket
        await using ControlGroup requesterGroup = ControlGroup.Create("requester");
        await using ControlGroup workerGroup = ControlGroup.Create("worker");
        List<string> remarks = requesterGroup.WhyNot is { } whyNot ? [whyNot] : [];
        foreach (string remark in remarks)
        {
            await output.WriteLineAsync(remark);
        }

        DeleteOld(options.Cache);
        Sample sample = new(options, requesterGroup, runtime);
        try
        {
            await output.WriteLineAsync($"Sample solution in {sample.Directory}");
            await sample.PrepareAsync(cancellationToken);
            await using WorkerProcess worker = await WorkerProcess.StartAsync(options, workerGroup, cancellationToken);
            await using DelayLine? line =
                options.RoundTripMs > 0 ? new DelayLine(new Uri(worker.Endpoint), TimeSpan.FromMilliseconds(options.RoundTripMs)) : null;
            string endpoint = line?.Endpoint ?? worker.Endpoint;
            Clocks clocks = new(requesterGroup, workerGroup, new WireCounter(new Uri(endpoint)));

            // 2. The first local build is what all others are compared to; it warms the compiler server.
            await sample.BuildAsync(Configuration.Local, "reference", endpoint, cancellationToken);
            Outputs expected = await Outputs.ReadAsync(sample.Directory, cancellationToken);
            await output.WriteLineAsync($"{expected.Count} outputs are compared after each build");

            // 3. The first remote build finds nothing: no digests, no predictions, an empty store.
            Measurement first = await MeasureAsync(sample, endpoint, clocks, expected, Configuration.Remote, 0, cancellationToken);

            // 4. The rounds. The order rotates, so that none always follows the same other one. A run that is stopped leaves the figures of
            //    its full rounds.
            List<Measurement> measurements = [];
            Report report = new(options, expected.Count, remarks, first, measurements);
            for (int round = 1; round <= options.Rounds; round++)
            {
                for (int place = 0; place < Configuration.All.Count; place++)
                {
                    Configuration configuration = Configuration.All[(place + round - 1) % Configuration.All.Count];
                    measurements.Add(await MeasureAsync(sample, endpoint, clocks, expected, configuration, round, cancellationToken));
                }

                await report.WriteAsync(cancellationToken);
            }

            await output.WriteLineAsync(report.ToMarkdown());
            await output.WriteLineAsync($"Written to {options.Artifacts}/results.md and results.json");
        }
        finally
        {
            await sample.StopServersAsync();
            Directory.Delete(runtime, recursive: true);
        }
    }

    private async Task<Measurement> MeasureAsync(
        Sample sample, string endpoint, Clocks clocks, Outputs expected, Configuration configuration, int round,
        CancellationToken cancellationToken)
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"{configuration.Key}-{round}");
        Reading before = await clocks.ReadAsync(cancellationToken);
        (TimeSpan wall, TimeSpan compiling) = await sample.BuildAsync(configuration, id, endpoint, cancellationToken);
        await Task.Delay(Settling, cancellationToken);
        Reading after = await clocks.ReadAsync(cancellationToken);

        List<string> differences = [.. (await Outputs.ReadAsync(sample.Directory, cancellationToken)).DifferencesFrom(expected)];
        if (differences.Count > 0)
        {
            throw new BenchException(
                $"Build {id} left other outputs than the first local build, in {sample.Directory}:\n{string.Join('\n', differences)}");
        }

        string record = Path.Combine(options.Cache, "records", id + ".jsonl");
        Measurement measurement = new()
        {
            Configuration = configuration.Key,
            Round = round,
            WallSeconds = wall.TotalSeconds,
            CompilingSeconds = compiling.TotalSeconds,
            RequesterCpuSeconds = (after.Requester - before.Requester)?.TotalSeconds,
            DaemonsCpuSeconds = (after.Daemons - before.Daemons)?.TotalSeconds,
            WorkerCpuSeconds = (after.Worker - before.Worker)?.TotalSeconds,
            OthersCpuSeconds =
                (after.Machine - after.Requester - after.Worker - (before.Machine - before.Requester - before.Worker))?.TotalSeconds,
            Wire = after.Wire - before.Wire,
            Compiles = configuration.IsRemote && File.Exists(record)
                ? [.. File.ReadLines(record).Select(line => JsonSerializer.Deserialize<CompileRecord>(line, RecordForm)!)]
                : [],
        };
        string remote = configuration.IsRemote ? $", {measurement.Remote} of {measurement.Compiles.Count} compiles remote" : "";
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{id}: {measurement.WallSeconds:F1} s; CPU {measurement.RequesterCpuSeconds:F1} s, ")
            + string.Create(
                CultureInfo.InvariantCulture,
                $"worker {measurement.WorkerCpuSeconds:F1} s, others {measurement.OthersCpuSeconds:F1} s{remote}"));
        return measurement;
    }

    private static void DeleteOld(string directory)
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
