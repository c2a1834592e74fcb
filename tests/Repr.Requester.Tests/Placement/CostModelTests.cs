using Microsoft.Extensions.Time.Testing;
using Repr.Requester.Discovery;
using Repr.Requester.Placement;

namespace Repr.Requester.Tests.Placement;

/// <summary>What is pure of placement: costs, thresholds, bounds.</summary>
public sealed class CostModelTests
{
    private static readonly LocalCost s_idle = new() { ToolMs = 100, Busy = 0, Processors = 4 };

    [Fact]
    public void A_remote_run_is_queue_round_trips_bytes_setup_and_tool()
    {
        RemoteCost cost = new()
        {
            QueueMs = 7,
            RoundTripMs = 10,
            RoundTrips = 3,
            MissingBytes = 5000,
            BytesPerMs = 100,
            SetupMs = 20,
            ToolMs = 200,
            KnownShare = 0.5,
        };

        Assert.Equal(7 + 30 + 50 + (0.5 * 220), cost.TotalMs, 6);
        Assert.Equal(cost.TotalMs - 50, (cost with { BytesPerMs = 0 }).TotalMs, 6); // nothing is known of the way
    }

    [Theory]
    [InlineData(0, 4, 100)] // alone
    [InlineData(3, 4, 100)] // a processor each
    [InlineData(7, 4, 200)]
    public void A_local_run_shares_the_processors(double busy, int processors, double expectedMs) =>
        Assert.Equal(expectedMs, new LocalCost { ToolMs = 100, Busy = busy, Processors = processors }.TotalMs, 6);

    [Theory]
    [InlineData(300, true)] // clearly faster here
    [InlineData(140, false)] // not clearly
    [InlineData(100, false)]
    [InlineData(20, false)]
    public void An_action_stays_here_only_if_that_is_clearly_faster(double remoteMs, bool staysHere) =>
        Assert.Equal(staysHere, CostModel.Decide(new RemoteCost { ToolMs = remoteMs }, s_idle, wasLocal: false, hasRoom: true).IsLocal);

    [Fact]
    public void What_was_decided_stays_until_the_other_is_clearly_better()
    {
        RemoteCost about = new() { ToolMs = 120 };

        Assert.False(CostModel.Decide(about, s_idle, wasLocal: false, hasRoom: true).IsLocal);
        Assert.True(CostModel.Decide(about, s_idle, wasLocal: true, hasRoom: true).IsLocal);
        Assert.False(CostModel.Decide(new RemoteCost { ToolMs = 99 }, s_idle, wasLocal: true, hasRoom: true).IsLocal);
    }

    [Fact]
    public void A_few_milliseconds_are_not_worth_it() =>
        Assert.False(CostModel.Decide(new RemoteCost { ToolMs = 9 }, s_idle with { ToolMs = 1 }, wasLocal: false, hasRoom: true).IsLocal);

    [Fact]
    public void Nothing_stays_on_a_machine_without_room_and_the_reason_says_so()
    {
        PlacementDecision decision = CostModel.Decide(new RemoteCost { ToolMs = 1000 }, s_idle, wasLocal: true, hasRoom: false);

        Assert.False(decision.IsLocal);
        Assert.Equal("remote: about 100 ms here, 1000 ms on a worker, but this machine has no room", decision.Reason);
    }

    [Fact]
    public void More_round_trips_never_bring_an_action_to_a_worker()
    {
        bool wasLocal = false;
        for (int ms = 0; ms < 500; ms += 5)
        {
            bool isLocal = CostModel.Decide(new RemoteCost { RoundTripMs = ms, RoundTrips = 2, ToolMs = 100 }, s_idle, wasLocal: false, hasRoom: true).IsLocal;
            Assert.True(isLocal || !wasLocal);
            wasLocal = isLocal;
        }

        Assert.True(wasLocal);
    }

    [Theory]
    [InlineData(100, 10, 0, false, 700)] // twice the mean, and half a second
    [InlineData(100, 50, 0, false, 800)] // four deviations
    [InlineData(100, 10, 400, false, 1500)] // behind others
    [InlineData(100, 10, 0, true, 350)] // the last ones
    public void A_straggler_is_what_takes_several_deviations_longer(double meanMs, double deviationMs, double aheadMs, bool isTail, double thresholdMs) =>
        Assert.Equal(thresholdMs, Straggler.Threshold(new DurationEstimate(meanMs, deviationMs, 10), aheadMs, isTail).TotalMilliseconds, 3);

    [Fact]
    public void An_estimate_follows_what_is_measured()
    {
        DurationEstimate estimate = default;
        for (int i = 0; i < 50; i++)
        {
            estimate = estimate.With(100 + (i % 2 * 20));
        }

        Assert.InRange(estimate.MeanMs, 105, 115);
        Assert.InRange(estimate.DeviationMs, 8, 13);
        for (int i = 0; i < 20; i++)
        {
            estimate = estimate.With(500);
        }

        Assert.InRange(estimate.MeanMs, 490, 500);
    }

    [Fact]
    public void The_governor_gives_a_share_and_so_many_at_once()
    {
        RaceGovernor governor = new(0.1, 3);
        RaceBudget budget = new();
        for (int i = 0; i < 50; i++)
        {
            governor.Enter(budget);
        }

        int raced = 0;
        for (int i = 0; i < 100; i++)
        {
            RaceGovernor.Permit?[] permits = [.. Enumerable.Range(0, 5).Select(_ => governor.TryBegin(budget))];
            Assert.InRange(permits.Count(permit => permit is not null), 0, 3);
            foreach (RaceGovernor.Permit? permit in permits)
            {
                if (permit is not null)
                {
                    permit.HasBegun = true;
                    raced++;
                    permit.Dispose();
                    permit.Dispose(); // counts once
                }
            }
        }

        Assert.Equal(RaceGovernor.Always + 5, raced);
    }

    [Fact]
    public void A_race_that_was_not_begun_does_not_count()
    {
        RaceGovernor governor = new(0.1, 1);
        RaceBudget budget = new();
        for (int i = 0; i < 100; i++)
        {
            using RaceGovernor.Permit? permit = governor.TryBegin(budget);
            Assert.NotNull(permit);
        }
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(0.1, 0)]
    public void Without_a_share_or_a_place_there_are_no_races(double share, int atOnce) =>
        Assert.Null(new RaceGovernor(share, atOnce).TryBegin(new RaceBudget()));

    [Fact]
    public void Towards_the_end_of_a_large_build_few_of_its_actions_run()
    {
        RaceGovernor governor = new(0.1, 1);
        RaceBudget budget = new();
        governor.Enter(budget);
        Assert.False(governor.IsTail(budget)); // the beginning, or a build of one
        for (int i = 1; i < 100; i++)
        {
            governor.Enter(budget);
        }

        Assert.False(governor.IsTail(budget));
        for (int i = 0; i < 95; i++)
        {
            governor.Leave(budget);
        }

        Assert.True(governor.IsTail(budget));
    }

    [Fact]
    public void This_machine_has_room_while_processors_are_idle_and_memory_is_there()
    {
        FakeTimeProvider time = new();
        LocalLoad load = new(0, 0, long.MaxValue);
        LocalMachine machine = new(null, () => load, time);
        Assert.True(machine.Look(10).HasRoom);

        load = load with { Busy = Environment.ProcessorCount };
        Assert.False(machine.Look(10).HasRoom);
        load = new LocalLoad(0, 0.9, long.MaxValue);
        Assert.False(machine.Look(10).HasRoom);
        load = new LocalLoad(0, 0, 1 << 20);
        Assert.False(machine.Look(10).HasRoom);

        load = new LocalLoad(0, 0, long.MaxValue);
        for (int i = 0; i < Environment.ProcessorCount; i++)
        {
            machine.Keep(TimeSpan.FromSeconds(1));
        }

        Assert.False(machine.Look(10).HasRoom); // they have not begun yet, as far as the kernel knows
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.True(machine.Look(10).HasRoom);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void A_number_of_local_slots_counts_whatever_else_runs(int slots, bool hasRoom)
    {
        LocalMachine machine = new(slots, () => new LocalLoad(1000, 1, long.MaxValue), TimeProvider.System);

        Assert.Equal(hasRoom, machine.Look(10).HasRoom);
    }

    [Fact]
    public void The_kernel_says_what_this_machine_does()
    {
        LocalLoad load = LocalLoad.Measure(static () => 1);

        Assert.True(double.IsFinite(load.Busy) && load.Busy >= 0);
        Assert.InRange(load.Pressure, 0, 1);
    }

    [Fact]
    public void The_way_to_a_worker_is_its_least_round_trip_and_its_bandwidth()
    {
        LineQuality line = new();
        Assert.Null(line.RoundTripMs);
        Assert.Equal(0, line.BytesPerMs);

        foreach (int ms in (int[])[40, 20, 90])
        {
            line.NoteRoundTrip(TimeSpan.FromMilliseconds(ms));
        }

        line.NoteTransfer(100, TimeSpan.FromSeconds(9)); // says nothing
        line.NoteTransfer(1_000_000, TimeSpan.FromMilliseconds(120));
        Assert.Equal(20, line.RoundTripMs);
        Assert.Equal(10_000, line.BytesPerMs, 3);
    }

    [Fact]
    public void A_slow_worker_is_left_alone_for_longer_each_time()
    {
        FakeTimeProvider time = new();
        SlowWorkers slow = new(time);
        Uri worker = new("http://worker:1");
        foreach (int seconds in (int[])[10, 20, 40, 80, 160, 160])
        {
            slow.Note(worker);
            slow.Note(worker); // of the same while
            time.Advance(TimeSpan.FromSeconds(seconds - 1));
            Assert.True(slow.Has(worker));
            Assert.Single(slow.Current);
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.False(slow.Has(worker));
        }
    }

    [Theory]
    [InlineData(59, 160)]
    [InlineData(60, 160)] // one less, one more
    [InlineData(120, 80)]
    [InlineData(240, 20)]
    [InlineData(300, 10)]
    [InlineData(100_000, 10)]
    public void A_slow_worker_that_behaves_is_forgiven_step_by_step(int behaved, int seconds)
    {
        FakeTimeProvider time = new();
        SlowWorkers slow = new(time);
        Uri worker = new("http://worker:1");
        foreach (int earlier in (int[])[10, 20, 40, 80, 160])
        {
            slow.Note(worker);
            time.Advance(TimeSpan.FromSeconds(earlier));
        }

        time.Advance(TimeSpan.FromSeconds(behaved));
        slow.Note(worker);

        time.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.True(slow.Has(worker));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(slow.Has(worker));
    }
}
