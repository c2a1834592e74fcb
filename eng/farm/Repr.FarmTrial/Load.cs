using System.Collections.Concurrent;
using System.Globalization;
using Repr.Bench;

namespace Repr.FarmTrial;

/// <summary>Four requesters that build again and again while something happens to the farm: three of C, one the sample solution.</summary>
/// <param name="options">What is tried.</param>
/// <param name="output">Is told what goes wrong.</param>
internal sealed class Load(TrialOptions options, TextWriter output)
{
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly ConcurrentDictionary<string, int> _outcomes = new();
    private int _builds;

    /// <summary>Prepares the builds, warms the farm with one of each, and then builds until the disturbance is over and each build has ended.</summary>
    /// <param name="solutions">How many of the four build the solution.</param>
    /// <param name="disturb">What happens meanwhile; the load ends after it.</param>
    /// <param name="cancellationToken">Ends all.</param>
    /// <exception cref="BenchException">A build failed or left other bytes, or less than nine tenths of the actions ran on a worker.</exception>
    public async Task RunAsync(int solutions, Func<CancellationToken, Task> disturb, CancellationToken cancellationToken)
    {
        TrialRequester[] requesters = [.. Enumerable.Range(0, 4).Select(number => new TrialRequester(options, TrialFarm.Endpoint, number))];
        try
        {
            ITrialBuild[] builds = [.. requesters.Select((requester, number) =>
                number < solutions ? (ITrialBuild)new SolutionBuild(options, requester, TrialFarm.Endpoint) : new CBuild(requester))];
            foreach (ITrialBuild build in builds)
            {
                await build.PrepareAsync(cancellationToken);
            }

            await output.WriteLineAsync("Prepared");
            await Task.WhenAll(builds.Select((build, number) => BuildAsync(requesters[number], build, "first", cancellationToken)));
            await output.WriteLineAsync(Summary("Built once"));
            _outcomes.Clear();
            _builds = 0;
            using CancellationTokenSource over = new();
            Task load = Task.WhenAll(builds.Select((build, number) => LoopAsync(requesters[number], build, over.Token, cancellationToken)));
            await disturb(cancellationToken);
            await over.CancelAsync();
            await load;
            await output.WriteLineAsync(Summary("Under trial"));
            int all = _outcomes.Values.Sum();
            if (!_problems.IsEmpty)
            {
                throw new BenchException($"{_problems.Count} builds are wrong, the first:\n{_problems.First()}");
            }

            if (all == 0 || _outcomes.GetValueOrDefault("remote") < 0.9 * all)
            {
                throw new BenchException($"Of {all} actions only {_outcomes.GetValueOrDefault("remote")} ran on a worker.");
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

    private async Task LoopAsync(TrialRequester requester, ITrialBuild build, CancellationToken over, CancellationToken cancellationToken)
    {
        for (int number = 0; !over.IsCancellationRequested; number++)
        {
            await BuildAsync(requester, build, string.Create(CultureInfo.InvariantCulture, $"b{number}"), cancellationToken);
        }
    }

    private async Task BuildAsync(TrialRequester requester, ITrialBuild build, string buildId, CancellationToken cancellationToken)
    {
        IReadOnlyList<string> problems = await build.BuildAsync(buildId, cancellationToken);
        Interlocked.Increment(ref _builds);
        if (problems.Count > 0)
        {
            string problem = $"{requester.Project} {buildId}: {string.Join("; ", problems.Take(5))}";
            _problems.Enqueue(problem);
            await output.WriteLineAsync(problem);
        }

        await Task.Delay(1000, CancellationToken.None); // the record is written a little later
        foreach ((string outcome, int count) in requester.OutcomesOf(buildId))
        {
            _outcomes.AddOrUpdate(outcome, count, (_, before) => before + count);
        }
    }

    private string Summary(string when) => string.Create(
        CultureInfo.InvariantCulture,
        $"{when}: {_builds} builds, {_problems.Count} wrong; actions: {string.Join(", ", _outcomes.OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => $"{pair.Value} {pair.Key}"))}");
}
