using System.Diagnostics;
using System.Text.Json;
using Repr.Bench;

namespace Repr.FarmTrial;

/// <summary>Redis and workers, as processes. Disposing it kills them.</summary>
internal sealed class TrialFarm : IAsyncDisposable
{
    private const int RedisPort = 6390;

    private readonly TrialOptions _options;
    private readonly int _slots;
    private readonly string _directory;
    private readonly Process?[] _workers;
    private readonly IReadOnlyDictionary<string, double> _shares;
    private Process? _redis;

    private TrialFarm(TrialOptions options, int slots, IReadOnlyDictionary<string, double> shares)
    {
        _options = options;
        _slots = slots;
        _shares = shares;
        _workers = new Process?[options.Workers];
        _directory = Path.Combine(options.Artifacts, "run");
    }

    /// <summary>Where requesters ask for slots: any worker will do.</summary>
    public static string Endpoint => $"repr://farm@{Front.Authority}";

    /// <summary>The worker that they ask.</summary>
    public static Uri Front { get; } = new($"http://{FarmNetwork.AddressOf(0)}:7070");

    /// <summary>Starts Redis and all workers, and waits until each is in the farm.</summary>
    /// <exception cref="BenchException">One does not start.</exception>
    public static async Task<TrialFarm> StartAsync(
        TrialOptions options, int slots, IReadOnlyDictionary<string, double> shares, CancellationToken cancellationToken)
    {
        TrialFarm farm = new(options, slots, shares);
        try
        {
            if (Directory.Exists(farm._directory))
            {
                Directory.Delete(farm._directory, recursive: true);
            }

            Directory.CreateDirectory(farm._directory);
            await File.WriteAllTextAsync(
                farm.Settings, JsonSerializer.Serialize(new { Farm = new { Shares = shares } }), cancellationToken);
            farm.StartRedis();
            for (int worker = 0; worker < options.Workers; worker++)
            {
                farm.Start(worker);
                if (worker % 4 == 3)
                {
                    await farm.WaitAsync(worker, cancellationToken); // not all at once: they compile themselves first
                }
            }

            for (int worker = 0; worker < options.Workers; worker++)
            {
                await farm.WaitAsync(worker, cancellationToken);
            }

            return farm;
        }
        catch
        {
            await farm.DisposeAsync();
            throw;
        }
    }

    /// <summary>What all workers have written, for whoever looks for a reason.</summary>
    public string LogOf(int worker) => Path.Combine(_directory, $"w{worker}.log");

    /// <summary>Whether an action has ended on a worker.</summary>
    public bool HasRun(int worker) => File.ReadAllText(LogOf(worker)).Contains("ToolExit", StringComparison.Ordinal);

    /// <summary>Processor time of all workers so far; what they have started is not in it.</summary>
    public TimeSpan Used() => _workers.Aggregate(TimeSpan.Zero, static (sum, worker) =>
    {
        worker!.Refresh();
        return sum + worker.TotalProcessorTime;
    });

    /// <summary>Kills a worker with SIGKILL, its sandboxes with it, and starts it again with what is on its disk.</summary>
    public async Task KillAndStartAsync(int worker)
    {
        await EndAsync(_workers[worker]);
        Start(worker);
    }

    /// <summary>Kills Redis; what it had is lost.</summary>
    public Task StopRedisAsync() => EndAsync(_redis);

    /// <summary>Starts Redis, with nothing in it.</summary>
    public void StartRedis() => _redis = StartProcess(
        Path.Combine(_directory, "redis.log"),
        [
            "redis-server", "--port", $"{RedisPort}", "--bind", FarmNetwork.Here, "--protected-mode", "no", "--save", "", "--appendonly", "no",
            "--dir", _directory,
        ]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_workers.Select(EndAsync));
        await EndAsync(_redis);
    }

    private string Settings => Path.Combine(_directory, "worker.json");

    private void Start(int worker)
    {
        string listen = $"http://{FarmNetwork.AddressOf(worker)}:7070";
        _workers[worker] = StartProcess(
            LogOf(worker),
            [
                .. FarmNetwork.CommandPrefixOf(worker), _options.Program, "serve", "--listen", listen, "--dangerously-allow-anyone", "--slots", $"{_slots}",
                "--config", Settings, "--data", Path.Combine(_directory, $"w{worker}"), "--farm", $"redis://{FarmNetwork.Here}:{RedisPort}/trial",
            ]);
    }

    private async Task WaitAsync(int worker, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        while (!File.ReadAllText(LogOf(worker)).Contains("Joined the farm", StringComparison.Ordinal))
        {
            if (_workers[worker]!.HasExited || Stopwatch.GetElapsedTime(began) > TimeSpan.FromMinutes(3))
            {
                throw new BenchException($"Worker {worker} did not join:\n{await File.ReadAllTextAsync(LogOf(worker), cancellationToken)}");
            }

            await Task.Delay(50, cancellationToken);
        }
    }

    private static Process StartProcess(string log, IEnumerable<string> command)
    {
        File.AppendAllText(log, "");
        return Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" </dev/null >>\"$0\" 2>&1", log, .. command]))!;
    }

    private static async Task EndAsync(Process? process)
    {
        if (process is null)
        {
            return;
        }

        if (!process.HasExited)
        {
            process.Kill(); // not its tree: a worker's sandboxes are to end by themselves
        }

        await process.WaitForExitAsync(CancellationToken.None);
    }
}
