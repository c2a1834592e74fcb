using System.Globalization;
using Repr.Farm.Simulation;

namespace Repr.Farm.Tests;

/// <summary>
/// What a farm promises, over many runs in virtual time. A run that breaks a promise names its seed; REPR_TEST_FARM_SEED replays it alone, and
/// REPR_TEST_FARM_SEEDS is how many there are in each test.
/// </summary>
public sealed class SimulationTests
{
    private static IEnumerable<int> Seeds(int count) =>
        Read("REPR_TEST_FARM_SEED") is { } seed ? [seed] : Enumerable.Range(1, Read("REPR_TEST_FARM_SEEDS") ?? count);

    private static int? Read(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } number ? int.Parse(number, CultureInfo.InvariantCulture) : null;

    [Fact]
    public void No_action_is_lost_and_most_are_remote_whatever_happens_to_workers()
    {
        foreach (int seed in Seeds(40))
        {
            SimulationResult result = Simulation.Simulation.Run(new SimulationOptions
            {
                Seed = seed,
                Workers = 8,
                Requesters = 4,
                Actions = 1600,
                Users = seed % 3,
                SecondsBetweenFaults = 2,
                Limit = 3600,
            });

            Assert.True(result.Actions == 1600, $"{result.Actions} of 1600 actions ended: seed {seed}");
            Assert.True(result.Local <= 160, $"{result.Local} of 1600 actions ran locally: seed {seed}");
        }
    }

    [Fact]
    public void One_worker_that_lies_gets_little_to_do_and_no_other_is_left_alone()
    {
        foreach (int seed in Seeds(20))
        {
            SimulationOptions options = new()
            {
                Seed = seed,
                Workers = 8,
                IsUniform = true,
                Requesters = 4,
                Actions = 6000,
                Liars = 1,
                ComparedPart = 0.2,
                SecondsBetweenFaults = seed % 2 == 0 ? 0 : 10,
                Limit = 3600,
            };

            SimulationResult result = Simulation.Simulation.Run(options);
            SimulationResult unnoticed = Simulation.Simulation.Run(options with { ComparedPart = 0 });

            Assert.True(result.Actions == 6000, $"{result.Actions} of 6000 actions ended: seed {seed}");
            Assert.True(result.Quarantined.SequenceEqual(["w0"]), $"{string.Join(' ', result.Quarantined)} left alone: seed {seed}");
            Assert.Empty(unnoticed.Quarantined);
            Assert.True(result.LiarsPart < unnoticed.LiarsPart / 2, $"{result.LiarsPart:P1} of all was a liar's, {unnoticed.LiarsPart:P1} unnoticed: seed {seed}");
        }
    }

    [Fact]
    public void Tools_that_are_not_repeatable_cost_no_action()
    {
        foreach (int seed in Seeds(10))
        {
            SimulationResult result = Simulation.Simulation.Run(new SimulationOptions
            {
                Seed = seed,
                Workers = 8,
                Requesters = 4,
                Actions = 4000,
                ComparedPart = 0.05,
                FlakyPart = 0.1,
                Limit = 3600,
            });

            // By chance one may look odd twice while no other has: for half a minute.
            Assert.True(result is { Actions: 4000, Local: 0 }, $"{result.Local} of {result.Actions} actions ran locally: seed {seed}");
            Assert.True(result.Quarantined.Count <= 1, $"{string.Join(' ', result.Quarantined)} left alone: seed {seed}");
        }
    }

    [Fact]
    public void The_same_seed_is_the_same_run()
    {
        SimulationOptions options = new() { Seed = 7, Workers = 10, Requesters = 4, Actions = 2000, SecondsBetweenFaults = 3 };

        SimulationResult first = Simulation.Simulation.Run(options);
        SimulationResult second = Simulation.Simulation.Run(options);

        Assert.Equal((first.Seconds, first.Events, first.Retries, first.LongestWait), (second.Seconds, second.Events, second.Retries, second.LongestWait));
    }

    [Fact]
    public void Shares_are_within_a_tenth_of_the_weights()
    {
        Dictionary<string, double> weights = new() { ["u0"] = 1, ["u1"] = 2, ["u2"] = 3, ["u3"] = 4 };
        foreach (int seed in Seeds(6))
        {
            SimulationResult result = Simulation.Simulation.Run(new SimulationOptions
            {
                Seed = seed,
                Workers = 8,
                Requesters = 4,
                Actions = 40_000,
                StopAt = 120, // all still want more
                Pool = new PoolOptions { Weights = weights },
            });

            double all = result.Used.Values.Sum();
            foreach ((string user, double weight) in weights)
            {
                Assert.InRange(result.Used[user] / all, weight / 10 * 0.9, weight / 10 * 1.1);
            }
        }
    }

    [Fact]
    public void Nobody_starves()
    {
        foreach (int seed in Seeds(100))
        {
            // One project of batch work among 5 interactive users who always want more than there is.
            SimulationResult result = Simulation.Simulation.Run(new SimulationOptions
            {
                Seed = seed,
                Workers = 3,
                Slots = 2,
                Requesters = 6,
                BatchPart = 0.16,
                Actions = 1800,
                Parallel = 10,
                StopAt = 100,
            });

            // u0 is the batch user. A tenth of 6 to 12 slots and at least 10 % of that: without shares it would get nothing.
            double share = result.Used["u0"] / result.Used.Values.Sum();
            Assert.True(share is > 0.07 and < 0.14, $"Batch work got {share:P1}: seed {seed}");

            // 10 of its actions wait at most, on a tenth of the slots, at half speed: 1.5 s each.
            double expected = 10 * 1.5 / (0.1 * result.Slots);
            Assert.True(result.LongestWait < expected * 4, $"Somebody waited {result.LongestWait:F1} s: seed {seed}");
        }
    }

    [Theory]
    [InlineData(1, 1, 4, 1.15)]
    [InlineData(16, 4, 4, 1.15)]
    [InlineData(32, 8, 2, 1.15)]
    [InlineData(4, 2, 4, 1.25)] // the chain is about as long as the work for each slot: what is fair to four builds is not the fastest for all
    public void Builds_take_little_longer_than_the_lower_bound(int builds, int workers, int slots, double factor)
    {
        BuildGraph graph = BuildGraph.Load("sample");
        foreach (int seed in Seeds(10))
        {
            SimulationResult result = Simulation.Simulation.Run(new SimulationOptions
            {
                Seed = seed,
                Workers = workers,
                Slots = slots,
                IsUniform = true,
                Requesters = builds,
                Graph = graph,
            });

            double bound = graph.LowerBound(result.Slots, builds);
            Assert.True(result.Seconds <= bound * factor, $"{result.Seconds:F2} s, bound {bound:F2} s: seed {seed}");
        }
    }
}
