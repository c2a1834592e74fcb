using System.Diagnostics;
using System.Globalization;
using Repr.Bench;

namespace Repr.FarmTrial;

/// <summary>What a farm must stand. Each fails with a <see cref="BenchException"/> that says what was wrong.</summary>
/// <param name="options">What is tried.</param>
/// <param name="output">Gets what is found, as it is found.</param>
internal sealed class Trials(TrialOptions options, TextWriter output)
{
    private const int Slots = 2;
    private static readonly Dictionary<string, double> s_evenly = [];

    /// <summary>All trials by name.</summary>
    public static IReadOnlyDictionary<string, Func<Trials, CancellationToken, Task>> All { get; } = new Dictionary<string, Func<Trials, CancellationToken, Task>>
    {
        ["builds"] = static (trials, token) => trials.LoadAsync(4, static (_, _) => Task.CompletedTask, token),
        ["kill"] = static (trials, token) => trials.LoadAsync(1, trials.KillAsync, token),
        ["partition"] = static (trials, token) => trials.LoadAsync(1, trials.PartitionAsync, token),
        ["redis"] = static (trials, token) => trials.LoadAsync(1, trials.LoseRedisAsync, token),
        ["shares"] = static (trials, token) => trials.SharesAsync(token),
        ["scale"] = static (trials, token) => trials.ScaleAsync(token),
    };

    // Four requesters build, and something happens.
    private async Task LoadAsync(int solutions, Func<TrialFarm, CancellationToken, Task> disturb, CancellationToken cancellationToken)
    {
        await using FarmNetwork network = await FarmNetwork.CreateAsync(options.Workers, cancellationToken);
        await using TrialFarm farm = await TrialFarm.StartAsync(options, Slots, s_evenly, cancellationToken);
        await output.WriteLineAsync($"{options.Workers} workers are in the farm");
        await new Load(options, output).RunAsync(solutions, token => disturb(farm, token), cancellationToken);
    }

    // A random worker is killed every two seconds, and started again.
    private async Task KillAsync(TrialFarm farm, CancellationToken cancellationToken)
    {
        Random random = new(options.Seed);
        long began = Stopwatch.GetTimestamp();
        int killed = 0;
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(2));
        while (Stopwatch.GetElapsedTime(began) < options.Duration && await timer.WaitForNextTickAsync(cancellationToken))
        {
            await farm.KillAndStartAsync(random.Next(options.Workers));
            killed++;
        }

        await output.WriteLineAsync($"Killed {killed} times");
    }

    // Half of the workers are cut off for half a minute, again and again.
    private async Task PartitionAsync(TrialFarm farm, CancellationToken cancellationToken)
    {
        TimeSpan cut = TimeSpan.FromSeconds(30);
        long began = Stopwatch.GetTimestamp();
        int cuts = 0;
        do
        {
            for (int worker = 0; worker < options.Workers / 2; worker++)
            {
                await FarmNetwork.SetCutAsync(worker, isCut: true, cancellationToken);
            }

            await Task.Delay(cut, cancellationToken);
            for (int worker = 0; worker < options.Workers / 2; worker++)
            {
                await FarmNetwork.SetCutAsync(worker, isCut: false, cancellationToken);
            }

            await Task.Delay(cut, cancellationToken);
            cuts++;
        }
        while (Stopwatch.GetElapsedTime(began) < options.Duration);
        await output.WriteLineAsync($"Cut off {cuts} times");
    }

    private async Task LoseRedisAsync(TrialFarm farm, CancellationToken cancellationToken)
    {
        TimeSpan away = TimeSpan.FromSeconds(30);
        await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
        await farm.StopRedisAsync();
        await Task.Delay(away, cancellationToken);
        farm.StartRedis();
        await Task.Delay(away, cancellationToken);
        await output.WriteLineAsync("Redis was away for 30 s and lost everything");
    }

    // Four projects that always want more, with shares of 1, 2, 3 and 4.
    private async Task SharesAsync(CancellationToken cancellationToken)
    {
        const int Requesters = 4;
        const double Tolerance = 0.1;
        Dictionary<string, double> shares = Enumerable.Range(0, Requesters).ToDictionary(
            static number => string.Create(CultureInfo.InvariantCulture, $"{TrialRequester.User}/p{number}"), static number => number + 1.0);
        await using FarmNetwork network = await FarmNetwork.CreateAsync(options.Workers, cancellationToken);
        await using TrialFarm farm = await TrialFarm.StartAsync(options, Slots, shares, cancellationToken);
        TrialRequester[] requesters = [.. Enumerable.Range(0, Requesters).Select(number => new TrialRequester(options, TrialFarm.Endpoint, number))];
        try
        {
            foreach (TrialRequester requester in requesters)
            {
                await SleepAsync(requester, "first", options.Workers * Slots, TimeSpan.FromSeconds(1), cancellationToken);
            }

            int[] done = new int[Requesters];
            using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            over.CancelAfter(options.Duration);
            try
            {
                await Task.WhenAll(requesters.SelectMany((requester, number) => Enumerable.Range(0, options.Workers * Slots * 2).Select(async _ =>
                {
                    while (true)
                    {
                        await SleepOnceAsync(requester, "shares", TimeSpan.FromSeconds(1), over.Token);
                        Interlocked.Increment(ref done[number]);
                    }
                })));
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The time is over.
            }

            double all = done.Sum();
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"{all} actions of 1 s in {options.Duration.TotalSeconds:0} s on {options.Workers * Slots} slots"));
            for (int number = 0; number < Requesters; number++)
            {
                double wanted = (number + 1) / 10.0;
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture, $"share {number + 1}: {done[number]} actions, {done[number] / all:P1} ({done[number] / all / wanted:F2} of {wanted:P0})"));
            }

            if (Enumerable.Range(0, Requesters).Any(number => Math.Abs((done[number] / all / ((number + 1) / 10.0)) - 1) > Tolerance))
            {
                throw new BenchException("A share is more than 10 % beside its weight.");
            }
        }
        finally
        {
            foreach (TrialRequester requester in requesters)
            {
                await requester.DisposeAsync();
            }
        }
    }

    // As many tools that only sleep as keep every slot busy for a while, on farms of growing size; how fast leases are granted there; and what an
    // action costs its requester, by many that do nothing; and what a worker costs that does nothing.
    private async Task ScaleAsync(CancellationToken cancellationToken)
    {
        const int Rounds = 5;
        const int Cheap = 400;
        const int CheapAtATime = 8;
        const int MaximumCallers = 16;
        TimeSpan idle = TimeSpan.FromSeconds(15);
        await output.WriteLineAsync("| Workers | Sleep s | Actions | Seconds | Efficiency | Grants/s | Grant ms, median | p95 | Requester CPU ms each | Idle worker, % of a core |");
        await output.WriteLineAsync("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        for (int workers = 1; workers <= options.Workers; workers *= 4)
        {
            TrialOptions some = options with { Workers = workers };
            await using FarmNetwork network = await FarmNetwork.CreateAsync(workers, cancellationToken);
            await using TrialFarm farm = await TrialFarm.StartAsync(some, slots: 1, s_evenly, cancellationToken);
            await using TrialRequester requester = new(some, TrialFarm.Endpoint, 0);
            await WarmAsync(farm, requester, workers, cancellationToken);
            LeaseRate leases = await LeaseRate.MeasureAsync(
                TrialFarm.Front, Math.Clamp(workers / 2, 1, MaximumCallers), TimeSpan.FromSeconds(5), cancellationToken);

            await RunAsync(requester, "warm", Cheap, CheapAtATime, cancellationToken);
            TimeSpan before = requester.Used();
            await RunAsync(requester, "cheap", Cheap, CheapAtATime, cancellationToken);
            double each = (requester.Used() - before).TotalMilliseconds / Cheap;

            // All end and begin at the same moment, on the cores of one machine: with many of them it is the longer sleep that shows the farm's part.
            TimeSpan sleep = TimeSpan.FromSeconds(Math.Max(4, workers));
            long began = Stopwatch.GetTimestamp();
            await SleepAsync(requester, "scale", workers * Rounds, sleep, cancellationToken);
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            if (requester.OutcomesOf("scale").Where(static outcome => outcome.Key != "remote").Sum(static outcome => outcome.Value) is > 0 and int elsewhere)
            {
                throw new BenchException($"{elsewhere} of {workers * Rounds} actions did not run on one of the {workers} workers.");
            }

            await Task.Delay(idle, cancellationToken);
            TimeSpan used = farm.Used();
            await Task.Delay(idle, cancellationToken);
            double share = (farm.Used() - used) / idle / workers;
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"| {workers} | {sleep.TotalSeconds:F0} | {workers * Rounds} | {took.TotalSeconds:F1} | {sleep * Rounds / took:F2} | {leases.PerSecond:F0} | {leases.Median.TotalMilliseconds:F1} | {leases.Percentile95.TotalMilliseconds:F1} | {each:F1} | {share * 100:F1} |"));
        }
    }

    // Until each worker has run something: what a process needs for its first action, the others would take its actions for.
    private static async Task WarmAsync(TrialFarm farm, TrialRequester requester, int workers, CancellationToken cancellationToken)
    {
        const int Attempts = 30;
        for (int attempt = 0; Enumerable.Range(0, workers).Count(worker => !farm.HasRun(worker)) is > 0 and int idle; attempt++)
        {
            if (attempt == Attempts)
            {
                throw new BenchException($"{idle} of {workers} workers were given nothing.");
            }

            await SleepAsync(requester, "first", workers * 2, TimeSpan.FromSeconds(2), cancellationToken);
        }
    }

    private static Task RunAsync(TrialRequester requester, string buildId, int count, int atATime, CancellationToken cancellationToken) =>
        Parallel.ForAsync(
            0,
            count,
            new ParallelOptions { MaxDegreeOfParallelism = atATime, CancellationToken = cancellationToken },
            async (_, token) => await RunOnceAsync(requester, buildId, ["true"], token));

    private static Task SleepAsync(TrialRequester requester, string buildId, int count, TimeSpan sleep, CancellationToken cancellationToken) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(_ => SleepOnceAsync(requester, buildId, sleep, cancellationToken)));

    private static Task SleepOnceAsync(TrialRequester requester, string buildId, TimeSpan sleep, CancellationToken cancellationToken) =>
        RunOnceAsync(requester, buildId, ["sleep", sleep.TotalSeconds.ToString(CultureInfo.InvariantCulture)], cancellationToken);

    private static async Task RunOnceAsync(TrialRequester requester, string buildId, string[] command, CancellationToken cancellationToken)
    {
        ChildProcess run = await requester.ExecAsync(buildId, command, cancellationToken);
        if (run.ExitCode != 0)
        {
            throw new BenchException($"{command[0]}: exit code {run.ExitCode}: {run.Output}");
        }
    }
}
