using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Repr.Bench.Peers;
using Repr.Protocol.V1;
using Repr.Requester.Door;

namespace Repr.Bench;

/// <summary>
/// Sends one requester process actions whose tools cost nothing, and counts what is left: what an action costs the requester, how many it
/// gets through in a second, what a workspace takes to be made, and how much memory a thousand actions in flight hold.
/// </summary>
/// <param name="options">Where the files go.</param>
/// <param name="output">Where the table goes.</param>
internal sealed class ActionBench(BenchOptions options, TextWriter output)
{
    private const int Known = 5000;
    private const int Run = 500;
    private const int InFlight = 1000;
    private const double Megabyte = 1e6;

    // From nothing on, the runtime compiles the code that it runs often: figures are of a process that has done this before.
    private const int Practice = 2000;

    private readonly List<string> _rows = [];
    private int _builds;

    /// <summary>Measures and prints the table.</summary>
    /// <exception cref="BenchException">An action is not done by the worker.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        string runtime = Directory.CreateTempSubdirectory("repr-bench-").FullName;
        await using Toolbox box = await Toolbox.StartAsync(options.PeersFor(["repr"], InFlight, options.RoundTripsMs[0]), cancellationToken);
        try
        {
            ReprTool repr = (ReprTool)box.Tools[0];
            string door = Path.Combine(runtime, "door.sock");
            ProcessStartInfo start = box.Requester.StartOf(options.Program, ["requester", "--door", door]);
            start.Environment["REPR_RUNTIME_DIR"] = runtime;
            start.Environment["REPR_CACHE_DIR"] = Path.Combine(runtime, "cache");
            using Process requester = Process.Start(start)!;
            DoorRequest status = new() { Status = new StatusRequest() };
            while (!File.Exists(door))
            {
                await Task.Delay(50, cancellationToken);
            }

            int process = (await DoorClient.AskAsync(door, status, cancellationToken))!.Status.ProcessId;
            Side side = new(door, repr.Endpoint.GetLeftPart(UriPartial.Authority), Path.Combine(runtime, "cache/records"), box.Requester, box.Worker);

            await MeasureAsync(side, "practice", Practice, 64, CacheMode.ReadWrite, "true", cancellationToken);
            _rows.Clear();
            await MeasureAsync(side, "known results, 64 at a time", Known, 64, CacheMode.ReadWrite, "true", cancellationToken);
            await MeasureAsync(side, "known results, one after the other", Run, 1, CacheMode.ReadWrite, "true", cancellationToken);
            await MeasureAsync(side, "runs of `true`, 4 at a time", Run, 4, CacheMode.Off, "true", cancellationToken);
            await MeasureAsync(side, "runs of `true`, one after the other", Run, 1, CacheMode.Off, "true", cancellationToken);
            await MeasureAsync(side, "runs of `sleep 0.05`, one after the other", 100, 1, CacheMode.Off, "sleep 0.05", cancellationToken);
            await MeasureAsync(side, "runs of `sleep 20`, all at a time", InFlight, InFlight, CacheMode.Off, "sleep 20", cancellationToken);

            string peak = File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            double memory = double.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 / Megabyte;
            await output.WriteLineAsync("| Actions | Number | Per second | Requester CPU ms each | Worker CPU ms each | Set-up ms, median | Request to answer ms, median |");
            await output.WriteLineAsync("|---|--:|--:|--:|--:|--:|--:|");
            _rows.ForEach(output.WriteLine);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"\nThe requester process held {memory:F0} MB at most."));
        }
        finally
        {
            await box.Requester.DisposeAsync(); // the requester process writes there until it ends
            Directory.Delete(runtime, recursive: true);
        }
    }

    private async Task MeasureAsync(
        Side side, string title, int number, int atATime, CacheMode cache, string command, CancellationToken cancellationToken)
    {
        string build = string.Create(CultureInfo.InvariantCulture, $"actions-{++_builds}");
        string[] words = command.Split(' ');
        DoorRequest request = new()
        {
            Run = new Protocol.V1.Run
            {
                Endpoint = side.Endpoint,
                Command = new Protocol.V1.Command { Arguments = { "/usr/bin/" + words[0], words[1..] }, WorkingDirectory = "/usr/bin" },
                Description = command,
                PredictionKey = command,
                BuildId = build,
                Cache = cache,
                ReadRoots = { "/" },
            },
        };
        (TimeSpan requester, TimeSpan worker) = (side.Requester.Used() ?? default, side.Worker.Used() ?? default);
        long start = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, number, new ParallelOptions { MaxDegreeOfParallelism = atATime, CancellationToken = cancellationToken }, async (_, token) =>
        {
            DoorReply? reply = await DoorClient.AskAsync(side.Door, request.Clone(), token);
            if (reply?.Done is not { Code: 0 })
            {
                throw new BenchException($"'{command}' was not done: {reply?.ToString() ?? "the requester process does not answer"}");
            }
        });
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        (TimeSpan requesterAfter, TimeSpan workerAfter) = (side.Requester.Used() ?? default, side.Worker.Used() ?? default);
        await Task.Delay(1000, cancellationToken); // the record is written a little later
        List<JsonElement> records =
            [.. File.ReadLines(Path.Combine(side.Records, build + ".jsonl")).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
        _rows.Add(new StringBuilder().AppendJoin(
            " | ",
            "| " + title,
            number.ToString(CultureInfo.InvariantCulture),
            (number / seconds).ToString("F0", CultureInfo.InvariantCulture),
            ((requesterAfter - requester) / number).TotalMilliseconds.ToString("F2", CultureInfo.InvariantCulture),
            ((workerAfter - worker) / number).TotalMilliseconds.ToString("F2", CultureInfo.InvariantCulture),
            Median(records, record => record.GetProperty("timings").GetProperty("setup_ms").GetDouble()).ToString("F1", CultureInfo.InvariantCulture),
            Median(records, record => record.GetProperty("total_ms").GetDouble()).ToString("F1", CultureInfo.InvariantCulture)).Append(" |").ToString());
        await output.WriteLineAsync($"{title}: done");
    }

    private static double Median(List<JsonElement> records, Func<JsonElement, double> figure)
    {
        double[] figures = [.. records.Select(figure).Order()];
        return figures.Length == 0 ? double.NaN : figures[figures.Length / 2];
    }

    private sealed record Side(string Door, string Endpoint, string Records, ControlGroup Requester, ControlGroup Worker);
}
