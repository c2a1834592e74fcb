using System.Collections.Concurrent;
using System.Text.Json;
using Repr.Requester.Placement;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Placement;

/// <summary>Actions that take much longer than expected: who runs them again, who writes, and how many there are.</summary>
public sealed class RaceTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_second_run_of_a_straggler_wins_and_nothing_of_the_first_is_left()
    {
        await using TwoWorkers two = await TwoWorkers.StartAsync();
        await two.LearnAsync();
        TaskCompletionSource stopped = new();
        two.OnFirst = async (action, cancellationToken) =>
        {
            action.Say("first");
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stopped.SetResult();
            return two.Succeed("first");
        };
        two.OnSecond = (action, _) =>
        {
            action.Say("second");
            return Task.FromResult(two.Succeed("second"));
        };

        Wire.DoorReply reply = await two.Fixture.CompleteAsync(two.NewRun());
        await stopped.Task.WaitAsync(Cancellation); // the worker was told

        Assert.Equal(two.SecondName, reply.Done?.Worker);
        Assert.Equal("second", await File.ReadAllTextAsync(two.Output, Cancellation));
        Assert.Equal("second", two.Fixture.Text);
        two.AssertNothingLeft();
        JsonElement race = Assert.Single(two.Races());
        Assert.Equal("won", race.GetProperty("outcome").GetString());
        Assert.Equal(two.SecondName, race.GetProperty("second").GetString());
        Assert.True(two.Fixture.Slow.Has(two.First!.Endpoint));
        Assert.False(two.Fixture.Slow.Has(two.Second!.Endpoint));
    }

    [Fact]
    public async Task A_first_run_that_ends_after_all_counts()
    {
        await using TwoWorkers two = await TwoWorkers.StartAsync();
        await two.LearnAsync();
        TaskCompletionSource began = new();
        two.OnFirst = async (action, _) =>
        {
            await began.Task;
            action.Say("first");
            return two.Succeed("first");
        };
        two.OnSecond = async (action, cancellationToken) =>
        {
            action.Say("second");
            began.SetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return two.Succeed("second");
        };

        Wire.DoorReply reply = await two.Fixture.CompleteAsync(two.NewRun());

        Assert.Equal(two.FirstName, reply.Done?.Worker);
        Assert.Equal("first", await File.ReadAllTextAsync(two.Output, Cancellation));
        Assert.Equal("first", two.Fixture.Text);
        Assert.Equal("lost", Assert.Single(two.Races()).GetProperty("outcome").GetString());
        Assert.Empty(two.Fixture.Slow.Current);
        two.AssertNothingLeft();
    }

    [Fact]
    public async Task A_second_worker_that_dies_leaves_the_action_to_the_first()
    {
        await using TwoWorkers two = await TwoWorkers.StartAsync();
        await two.LearnAsync();
        TaskCompletionSource dead = new();
        two.OnFirst = async (_, _) =>
        {
            await dead.Task;
            return two.Succeed("first");
        };
        two.OnSecond = async (action, cancellationToken) =>
        {
            action.Die();
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            dead.TrySetResult();
            return two.Succeed("second");
        };

        Wire.DoorReply reply = await two.Fixture.CompleteAsync(two.NewRun());

        Assert.Equal((two.FirstName, 1u), (reply.Done?.Worker, reply.Done?.Statistics.Attempts));
        Assert.Equal("first", await File.ReadAllTextAsync(two.Output, Cancellation));
    }

    [Fact]
    public async Task A_verdict_that_no_other_run_would_change_ends_both()
    {
        await using TwoWorkers two = await TwoWorkers.StartAsync();
        await two.LearnAsync();
        two.OnFirst = async (_, cancellationToken) =>
        {
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return two.Succeed("first");
        };
        two.OnSecond = (_, _) => Task.FromResult(new Wire.Completed
        {
            Failure = new Wire.Failure { Code = Wire.FailureCode.Refused, Message = "a file" },
        });

        Wire.DoorReply reply = await two.Fixture.CompleteAsync(two.NewRun());

        Assert.Equal("REPR2101", reply.NotRun?.Code);
        Assert.False(File.Exists(two.Output));
        two.AssertNothingLeft();
    }

    [Theory]
    [InlineData("remote")]
    [InlineData("input")]
    [InlineData("terminal")]
    [InlineData("writes anywhere")]
    [InlineData("text was seen")]
    [InlineData("unknown duration")]
    public async Task What_must_not_run_twice_runs_once(string why)
    {
        await using TwoWorkers two = await TwoWorkers.StartAsync();
        if (why != "unknown duration")
        {
            await two.LearnAsync();
        }

        int runs = 0;
        TaskCompletionSource release = new();
        two.OnFirst = two.OnSecond = async (action, _) =>
        {
            Interlocked.Increment(ref runs);
            action.Say("text");
            await release.Task;
            return two.Succeed("once");
        };
        Wire.Run run = two.NewRun();
        switch (why)
        {
            case "remote":
                run.Placement = Wire.Placement.Remote;
                break;
            case "input":
                run.Command.TakesInput = true;
                break;
            case "terminal":
                run.Command.Terminal = new Wire.Terminal { Rows = 24, Columns = 80, StandardOutput = true };
                break;
            case "writes anywhere":
                run.WriteRoots.Add(two.Fixture.Files.At("src"));
                break;
            case "text was seen":
                run.LiveText = true;
                break;
            default:
                break;
        }

        Task<Wire.DoorReply> running = two.Fixture.CompleteAsync(run);
        await Task.Delay(TimeSpan.FromSeconds(1.5), Cancellation); // several times what it took
        release.SetResult();

        Assert.Equal(0, (await running).Done?.Code);
        Assert.Equal(1, runs);
        Assert.Empty(two.Races());
    }

    [Fact]
    public async Task A_command_that_writes_anywhere_is_raced_if_known_results_will_do_for_it()
    {
        await using TwoWorkers two = await TwoWorkers.StartAsync();
        await two.LearnAsync();
        two.OnFirst = Forever;
        two.OnSecond = (_, _) => Task.FromResult(two.Succeed("second"));
        Wire.Run run = two.NewRun();
        run.WriteRoots.Add(two.Fixture.Files.At("src"));
        run.Cache = Wire.CacheMode.ReadWrite;

        Wire.DoorReply reply = await two.Fixture.CompleteAsync(run);

        Assert.Equal(two.SecondName, reply.Done?.Worker);
        Assert.Single(two.Races());
    }

    [Fact]
    public async Task The_governor_bounds_the_races_of_a_build()
    {
        const int Actions = 30;
        await using TwoWorkers two = await TwoWorkers.StartAsync(new PlacementSettings { RaceShare = 0.1, RacesAtOnce = 2 }, slots: 64);
        await two.LearnAsync();
        int running = 0;
        int most = 0;
        ConcurrentDictionary<string, int> runs = new();
        TaskCompletionSource release = new();
        two.Any = async (action, cancellationToken) =>
        {
            int now = Interlocked.Increment(ref running);
            lock (release)
            {
                most = Math.Max(most, now);
            }

            bool isSecond = runs.AddOrUpdate(action.Execute.Description, 1, (_, count) => count + 1) == 2;
            await (isSecond ? Task.Delay(100, Cancellation) : release.Task.WaitAsync(cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Interlocked.Decrement(ref running);
            return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
        };

        Task<Wire.DoorReply[]> all = Task.WhenAll(Enumerable.Range(0, Actions).Select(index =>
        {
            Wire.Run run = two.NewRun();
            run.Description = $"Tool {index}";
            return two.Fixture.CompleteAsync(run);
        }));
        int allowed = RaceGovernor.Always + (int)(0.1 * (Actions + two.Learned));
        while (runs.Values.Count(count => count == 2) < allowed)
        {
            await Task.Delay(20, Cancellation);
        }

        await Task.Delay(1000, Cancellation); // they are all stragglers: no other one is begun
        Assert.Equal(allowed, runs.Values.Sum() - Actions);
        Assert.InRange(most, Actions, Actions + 2);
        release.SetResult();
        Assert.All(await all, reply => Assert.Equal(0, reply.Done?.Code));
        Assert.Equal(allowed, two.Races().Count);
    }

    private static async Task<Wire.Completed> Forever(TestAction action, CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
    }
}
