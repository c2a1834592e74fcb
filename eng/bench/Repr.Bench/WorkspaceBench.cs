using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Repr.Bench.Peers;
using Repr.Protocol.V1;
using Repr.Requester.Door;
using static Repr.Bench.Figures;

namespace Repr.Bench;

/// <summary>A compiler inside a workspace and outside, on the same machine.</summary>
/// <param name="Compiler">As in "gcc -O2 -c".</param>
/// <param name="Pairs">How often both ran, in turns.</param>
/// <param name="NativeMs">Outside: median.</param>
/// <param name="InsideMs">Inside, the second compile of an action and later ones: median.</param>
/// <param name="Speed">Outside to inside: the median over the pairs. 1: as fast.</param>
/// <param name="FirstInsideMs">Inside, the first compile of an action, whose workspace has just been made: median; null: there is no difference.</param>
/// <param name="FirstSpeed">Outside to the first inside; null: there is no difference.</param>
/// <param name="SetupMs">Making the workspace and entering it: median.</param>
/// <param name="CollectMs">Finding and storing outputs: median.</param>
internal sealed record WorkspaceRow(
    string Compiler, int Pairs, double NativeMs, double InsideMs, double Speed, double? FirstInsideMs, double? FirstSpeed, double SetupMs, double CollectMs);

/// <summary>
/// Runs the same compile on this machine inside a worker's workspace and outside of it, in turns, and says how fast the one is beside the
/// other, and what it costs to make and remove a workspace.
/// </summary>
/// <param name="options">Where the files go; a round is ten pairs.</param>
/// <param name="output">Where the table goes.</param>
internal sealed class WorkspaceBench(BenchOptions options, TextWriter output)
{
    private const int PairsInRound = 10;
    private const int WarmCompiles = 2;
    private const int Practice = 3;

    // Measures within the workspace what it runs: what the action itself costs is not in it.
    private const string Timer = """
        for run in first second third; do
            begin=${EPOCHREALTIME/./}
            "$@" || exit
            end=${EPOCHREALTIME/./}
            echo $((end - begin))
        done

        """;

    private string Directory => Path.Combine(options.Artifacts, "work/workspace");

    /// <summary>Measures and writes workspace.md and workspace.json.</summary>
    /// <exception cref="BenchException">A compile fails, or does not run on the worker.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using Toolbox box = await Toolbox.StartAsync(options.PeersFor(["repr"], 1, 0), cancellationToken);
        ReprTool repr = (ReprTool)box.Tools[0];
        if (System.IO.Directory.Exists(Directory))
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }

        System.IO.Directory.CreateDirectory(Directory);
        await CompilerSources.WriteAsync(Directory, cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(Directory, "timer.sh"), Timer, cancellationToken);
        List<WorkspaceRow> rows = [];
        foreach (string compiler in new[] { "gcc", "clang" })
        {
            rows.Add(await MeasureNativeCompilerAsync(box, repr, compiler, cancellationToken));
            await output.WriteLineAsync($"{rows[^1]}");
        }

        string door = Path.Combine(repr.Environment["REPR_RUNTIME_DIR"], "bench.sock");
        await Daemon.StartAsync(
            box.Requester, Path.Combine(options.Artifacts, "requester.log"), repr.Environment, [options.Program, "requester", "--door", door],
            () => File.Exists(door), cancellationToken);
        rows.Add(await MeasureCscAsync("csc, warm servers as they are", box, repr, door, [], cancellationToken));
        await output.WriteLineAsync($"{rows[^1]}");
        // The same in both, one way and the other: without it, what two servers compile of themselves differs less.
        foreach (string measuring in new[] { "1", "0" })
        {
            string name = $"csc, warm servers {(measuring == "1" ? "with" : "without")} TieredPGO";
            rows.Add(await MeasureCscAsync(name, box, repr, door, new() { ["DOTNET_TieredPGO"] = measuring }, cancellationToken));
            await output.WriteLineAsync($"{rows[^1]}");
        }

        (double setup, double rest) = await MeasureEmptyAsync(box, repr, cancellationToken);
        string table = ToMarkdown(rows, setup, rest);
        await File.WriteAllTextAsync(Path.Combine(options.Artifacts, "workspace.md"), table, cancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(options.Artifacts, "workspace.json"),
            JsonSerializer.Serialize(
                new { Machine = Machine.Describe(), Rows = rows, EmptySetupMs = setup, EmptyTearDownMs = rest },
                Report.Form),
            cancellationToken);
        await output.WriteLineAsync(table);
        await output.WriteLineAsync($"Written to {options.Artifacts}: workspace.md, workspace.json");
    }

    private async Task<WorkspaceRow> MeasureNativeCompilerAsync(Toolbox box, ReprTool repr, string compiler, CancellationToken cancellationToken)
    {
        string[] command = ["/bin/bash", "timer.sh", compiler, "-O2", "-c", "source.cc", "-o", compiler + ".o"];
        List<double[]> native = [];
        List<double[]> inside = [];
        List<CompileRecord> records = [];
        for (int pair = 0; pair < Practice + (options.Rounds * PairsInRound); pair++)
        {
            await Clocks.WhenQuietAsync(output, cancellationToken);
            double[] outside = TimesOf(await RunAsync(box, repr, isInside: false, command, cancellationToken));
            await Clocks.WhenQuietAsync(output, cancellationToken);
            double[] within = TimesOf(await RunAsync(box, repr, isInside: true, command, cancellationToken));
            if (pair >= Practice)
            {
                native.Add(outside);
                inside.Add(within);
                records.Add(await RecordAsync(repr, cancellationToken));
            }
        }

        return new WorkspaceRow(
            $"{compiler} -O2 -c",
            native.Count,
            MedianOf(native, static times => times.TakeLast(WarmCompiles).Average()),
            MedianOf(inside, static times => times.TakeLast(WarmCompiles).Average()),
            MedianOf(native.Zip(inside), static pair => pair.First.TakeLast(WarmCompiles).Average() / pair.Second.TakeLast(WarmCompiles).Average()),
            MedianOf(inside, static times => times[0]),
            MedianOf(native.Zip(inside), static pair => pair.First[0] / pair.Second[0]),
            MedianOf(records, static record => record.Timings!.SetupMs),
            MedianOf(records, static record => record.Timings!.CollectMs));
    }

    // Both servers are asked in the same way: one by the worker, one by the bench. What a runtime compiles twice differs from process to process: so
    // each round has two of its own.
    private async Task<WorkspaceRow> MeasureCscAsync(
        string name, Toolbox box, ReprTool repr, string door, Dictionary<string, string> environment, CancellationToken cancellationToken)
    {
        List<double> native = [];
        List<CompileRecord> records = [];
        for (int round = 0; round < options.Rounds; round++)
        {
            Dictionary<string, string> ofRound = new(environment) { ["REPR_BENCH_ROUND"] = round.ToString(CultureInfo.InvariantCulture) };
            await using CompilerServer server = await CompilerServer.StartAsync(options, box.Requester, Directory, ofRound, cancellationToken);
            for (int pair = 0; pair < (Practice * 4) + PairsInRound; pair++)
            {
                await Clocks.WhenQuietAsync(output, cancellationToken);
                double outside = await server.CompileAsync(cancellationToken);
                await Clocks.WhenQuietAsync(output, cancellationToken);
                await CompileInsideAsync(door, repr, server, ofRound, cancellationToken);
                CompileRecord within = await RecordAsync(repr, cancellationToken);
                if (pair >= Practice * 4)
                {
                    native.Add(outside);
                    records.Add(within);
                }
            }
        }

        return new WorkspaceRow(
            name,
            native.Count,
            MedianOf(native, static time => time),
            MedianOf(records, static record => record.ToolMs),
            MedianOf(native.Zip(records), static pair => pair.First / pair.Second.ToolMs),
            null,
            null,
            MedianOf(records, static record => record.Timings!.SetupMs),
            MedianOf(records, static record => record.Timings!.CollectMs));
    }

    // As the task of the SDK asks: commands of `repr exec` get a process of their own, and no server.
    private async Task CompileInsideAsync(
        string door, ReprTool repr, CompilerServer server, Dictionary<string, string> environment, CancellationToken cancellationToken)
    {
        await repr.BeginAsync(cancellationToken);
        DoorRequest request = new()
        {
            Run = new Protocol.V1.Run
            {
                Endpoint = repr.Environment["REPR_ENDPOINT"],
                Command = new Protocol.V1.Command
                {
                    Arguments = { server.Command },
                    Environment = { environment },
                    WorkingDirectory = Directory,
                    OutputRoots = { Path.Combine(Directory, "csc.dll"), Path.Combine(Directory, "csc.pdb") },
                    Umask = 18, // 022
                },
                Description = "csc",
                PredictionKey = "csc",
                BuildId = repr.Environment["REPR_BUILD_ID"],
                Cache = CacheMode.Off,
                ReadRoots = { "/" },
            },
        };
        DoorReply? reply = await DoorClient.AskAsync(door, request, cancellationToken);
        if (reply?.Done is not { Code: 0 })
        {
            throw new BenchException($"csc did not run in a workspace: {reply?.ToString() ?? "the requester process does not answer"}");
        }
    }

    // The worker has one slot: while actions wait for it, what lies between the times that it reports is tear-down and handing over.
    private async Task<(double Setup, double TearDown)> MeasureEmptyAsync(Toolbox box, ReprTool repr, CancellationToken cancellationToken)
    {
        int number = 200 * options.Rounds;
        await repr.BeginAsync(cancellationToken);
        string loop = string.Create(CultureInfo.InvariantCulture, $"seq {number} | xargs -P 6 -I N {repr.Prefix} /usr/bin/true");
        ProcessStartInfo start = box.Requester.StartOf("/bin/bash", ["-c", loop]);
        Tool.SetEnvironment(start, repr);
        start.WorkingDirectory = Directory;
        ChildProcess run = await ChildProcess.RunAsync(start, cancellationToken);
        if (run.ExitCode != 0)
        {
            throw new BenchException($"`true` did not run in a workspace:\n{run.Output}");
        }

        await Task.Delay(1000, cancellationToken); // the record is written a little later
        List<WorkerTimings> timings = [.. Comparison.ReadRecord(repr.Record).Select(static record => record.Timings).OfType<WorkerTimings>().Where(static times => times.QueueMs > 1)];
        double busy = timings.Average(static times => times.SetupMs + times.ToolMs + times.CollectMs);
        return (MedianOf(timings, static times => times.SetupMs), (run.Wall.TotalMilliseconds / number) - busy);
    }

    private async Task<string> RunAsync(Toolbox box, ReprTool repr, bool isInside, IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        await repr.BeginAsync(cancellationToken);
        string[] words = [.. isInside ? repr.Prefix.Split(' ') : [], .. command];
        ProcessStartInfo start = box.Requester.StartOf("/bin/sh", ["-c", "exec \"$0\" \"$@\" </dev/null", .. words]);
        Tool.SetEnvironment(start, repr);
        start.Environment["REPR_FALLBACK"] = "fail";
        start.Environment["SHELL"] = "/bin/bash"; // else bash asks for its user's, by way of /var/run, which never leaves a machine
        start.WorkingDirectory = Directory;
        ChildProcess run = await ChildProcess.RunAsync(start, cancellationToken);
        return run.ExitCode == 0 ? run.Output : throw new BenchException($"`{string.Join(' ', words)}` failed in {Directory}:\n{run.Output}");
    }

    private static async Task<CompileRecord> RecordAsync(ReprTool repr, CancellationToken cancellationToken)
    {
        for (int attempt = 0; ; attempt++)
        {
            if (File.Exists(repr.Record) && Comparison.ReadRecord(repr.Record) is [CompileRecord record, ..])
            {
                return record;
            }

            if (attempt > 100)
            {
                throw new BenchException($"The requester wrote no record {repr.Record}.");
            }

            await Task.Delay(50, cancellationToken); // it is written a little later
        }
    }

    // Microseconds, a line each.
    private static double[] TimesOf(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => double.Parse(line, CultureInfo.InvariantCulture) / 1000)];

    private static double MedianOf<T>(IEnumerable<T> items, Func<T, double> figure) => Median(items.Select(item => (double?)figure(item))) ?? double.NaN;

    private static string ToMarkdown(List<WorkspaceRow> rows, double setup, double rest)
    {
        StringBuilder text = new(Head(
            "Compiler", "Pairs", "Outside ms", "Inside ms", "Speed inside", "First inside ms", "Speed of the first", "Set-up ms", "Collecting ms"));
        foreach (WorkspaceRow row in rows)
        {
            text.Append(Row(
                row.Compiler,
                Invariant($"{row.Pairs}"),
                Number(row.NativeMs, "F1"),
                Number(row.InsideMs, "F1"),
                Number(row.Speed, "F3"),
                Number(row.FirstInsideMs, "F1"),
                Number(row.FirstSpeed, "F3"),
                Number(row.SetupMs, "F1"),
                Number(row.CollectMs, "F1")));
        }

        return text.Append(Invariant($"\nOf `true`, one slot, always busy: set-up {setup:F1} ms; tear-down and handing over {rest:F1} ms at most.\n")).ToString();
    }
}
