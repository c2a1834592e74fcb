using System.Text;
using System.Text.Json;
using Repr.Bench.Peers;
using static Repr.Bench.Figures;

namespace Repr.Bench;

/// <summary>One build of the row "elsewhere".</summary>
/// <param name="Workload">What was built.</param>
/// <param name="Build">Which build.</param>
/// <param name="WallSeconds">Seconds.</param>
/// <param name="Wire">Bytes on this machine's line to the worker, headers included.</param>
/// <param name="RatioToFirst">All bytes, to those of the first build.</param>
/// <param name="Compiles">Actions in the build record.</param>
/// <param name="Remote">Of them with a worker's result.</param>
/// <param name="Cached">Of them with a known result.</param>
/// <param name="RequestBytes">Of the messages that describe actions.</param>
/// <param name="UploadedFiles">Blobs sent.</param>
/// <param name="UploadedBytes">Their bytes, uncompressed.</param>
/// <param name="DownloadedFiles">Blobs fetched.</param>
/// <param name="DownloadedBytes">Their bytes, uncompressed.</param>
/// <param name="Wrong">What differs from a local build in the same checkout; null: nothing.</param>
internal sealed record ElsewhereBuild(
    string Workload, string Build, double WallSeconds, WireBytes Wire, double RatioToFirst, int Compiles, int Remote, int Cached, long RequestBytes,
    int UploadedFiles, long UploadedBytes, int DownloadedFiles, long DownloadedBytes, string? Wrong);

/// <summary>
/// The same sources are built again on a second machine: a network namespace of its own, another checkout, its own caches and requester
/// process, the same worker. What crosses the second machine's line is compared with what crossed the first one's.
/// </summary>
/// <param name="options">What to build.</param>
/// <param name="output">Where the table goes.</param>
internal sealed class ElsewhereBench(BenchOptions options, TextWriter output)
{
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(1);

    /// <summary>Measures and writes elsewhere.md and elsewhere.json.</summary>
    /// <exception cref="BenchException">A build fails.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        List<ElsewhereBuild> builds = [];
        foreach (string key in options.Workloads)
        {
            builds.AddRange(await MeasureAsync(key, cancellationToken));
            await File.WriteAllTextAsync(Path.Combine(options.Artifacts, "elsewhere.md"), ToMarkdown(builds), cancellationToken);
            await File.WriteAllTextAsync(
                Path.Combine(options.Artifacts, "elsewhere.json"),
                JsonSerializer.Serialize(builds, Report.Form),
                cancellationToken);
        }

        await output.WriteLineAsync(ToMarkdown(builds));
        await output.WriteLineAsync($"Written to {options.Artifacts}: elsewhere.md, elsewhere.json");
    }

    private async Task<List<ElsewhereBuild>> MeasureAsync(string key, CancellationToken cancellationToken)
    {
        // 1. Two machines with a checkout each, and a worker.
        Workload first = WorkloadIn(Path.Combine(options.Artifacts, "work", key));
        Workload second = WorkloadIn(Path.Combine(options.Artifacts, "elsewhere/home/another/checkouts", key));
        await using Toolbox box = await Toolbox.StartAsync(options.PeersFor(["repr"], first.Slots, 0), cancellationToken);
        await box.Network.AddSecondAsync(cancellationToken);
        string runtime = Directory.CreateTempSubdirectory("repr-bench-").FullName; // short: it holds a socket
        try
        {
            ReprTool here = (ReprTool)box.Tools[0];
            ReprTool there = here.From(WorkerNetwork.WorkerAddressForSecond, Path.Combine(options.Artifacts, "state/second"), runtime);
            await first.PrepareAsync(box.Requester, cancellationToken);
            await second.PrepareAsync(box.Requester, cancellationToken);

            // 2. What the checkouts give locally.
            Outputs expectedHere = await BuildLocallyAsync(first, box, cancellationToken);
            Outputs expectedThere = await BuildLocallyAsync(second, box, cancellationToken);

            // 3. The builds.
            List<ElsewhereBuild> builds = [];
            WireBytes? toCompare = null;
            foreach ((string title, Workload workload, ReprTool tool, Outputs expected, bool isSecond) in new[]
            {
                ("first", first, here, expectedHere, false),
                ("second, same machine and checkout", first, here, expectedHere, false),
                ("second, another machine and checkout", second, there, expectedThere, true),
                ("third, there", second, there, expectedThere, true),
            })
            {
                workload.Checkout.Clean();
                await tool.BeginAsync(cancellationToken);
                WireBytes before = await CountAsync(box, isSecond, cancellationToken);
                Configuration configuration = workload.Configurations.First(static configuration => configuration.Key is "remote-known" or "repr-known");
                ChildProcess build = await ChildProcess.RunAsync(
                    workload.StartOf(box.Requester, configuration, tool, isSecond ? box.Network.SecondCommandPrefix : []), cancellationToken);
                await Task.Delay(s_settling, cancellationToken);
                WireBytes wire = await CountAsync(box, isSecond, cancellationToken) - before;
                if (build.ExitCode != 0)
                {
                    throw new BenchException($"The build '{title}' of {workload.Title} failed:\n{build.Output}");
                }

                toCompare ??= wire;
                string[] differences = [.. (await workload.Checkout.ReadAsync(workload.IsCompared, cancellationToken)).DifferencesFrom(expected)];
                builds.Add(Sum(workload.Key, title, build.Wall.TotalSeconds, wire, toCompare.Value, tool.Record, differences));
                await output.WriteLineAsync(Invariant($"{key}, {title}: {build.Wall.TotalSeconds:F1} s, {(wire.Sent + wire.Received) / 1e3:F0} kB"));
            }

            return builds;
        }
        finally
        {
            await box.Requester.DisposeAsync(); // a requester process writes there until it ends
            Directory.Delete(runtime, recursive: true);
            first.Checkout.Discard();
            second.Checkout.Discard();
        }

        Workload WorkloadIn(string directory) =>
            key == "csharp" ? new SolutionWorkload(options, directory) : new CxxWorkload(options, key, directory);
    }

    private static async Task<WireBytes> CountAsync(Toolbox box, bool isSecond, CancellationToken cancellationToken) =>
        isSecond ? await box.Network.CountSecondAsync(cancellationToken) : box.Network.Count();

    private static async Task<Outputs> BuildLocallyAsync(Workload workload, Toolbox box, CancellationToken cancellationToken)
    {
        workload.Checkout.Clean();
        ChildProcess build = await ChildProcess.RunAsync(workload.StartOf(box.Requester, workload.Configurations[0], null, []), cancellationToken);
        return build.ExitCode == 0
            ? await workload.Checkout.ReadAsync(workload.IsCompared, cancellationToken)
            : throw new BenchException($"{workload.Title} can't be built locally:\n{build.Output}");
    }

    private static ElsewhereBuild Sum(string workload, string title, double seconds, WireBytes wire, WireBytes first, string record, string[] differences)
    {
        IReadOnlyList<CompileRecord> compiles = File.Exists(record) ? Comparison.ReadRecord(record) : [];
        return new ElsewhereBuild(
            workload,
            title,
            seconds,
            wire,
            (double)(wire.Sent + wire.Received) / (first.Sent + first.Received),
            compiles.Count,
            compiles.Count(static compile => compile.Outcome == "remote"),
            compiles.Count(static compile => compile.Cached),
            compiles.Sum(static compile => compile.RequestBytes),
            compiles.Sum(static compile => compile.UploadedFiles),
            compiles.Sum(static compile => compile.UploadedBytes),
            compiles.Sum(static compile => compile.DownloadedFiles),
            compiles.Sum(static compile => compile.DownloadedBytes),
            differences.Length == 0 ? null : Invariant($"{differences.Length} outputs differ: {differences[0]}"));
    }

    private static string ToMarkdown(List<ElsewhereBuild> builds)
    {
        StringBuilder text = new(Head(
            "Build", "Wall s", "Sent kB", "Received kB", "% of the first", "Remote", "of it known results", "Requests kB", "Uploaded files", "kB", "Downloaded files", "kB", "Outputs"));
        foreach (ElsewhereBuild build in builds)
        {
            text.Append(Row(
                $"{build.Workload}: {build.Build}",
                Number(build.WallSeconds, "F1"),
                Number(build.Wire.Sent / 1e3, "F0"),
                Number(build.Wire.Received / 1e3, "F0"),
                Number(build.RatioToFirst * 100, "F2"),
                Invariant($"{build.Remote} of {build.Compiles}"),
                Invariant($"{build.Cached}"),
                Number(build.RequestBytes / 1e3, "F0"),
                Invariant($"{build.UploadedFiles}"),
                Number(build.UploadedBytes / 1e3, "F0"),
                Invariant($"{build.DownloadedFiles}"),
                Number(build.DownloadedBytes / 1e3, "F0"),
                build.Wrong ?? "the same"));
        }

        return text.ToString();
    }
}
