namespace Repr.Farm.Tests;

/// <summary>Workers whose results are not those of others.</summary>
public sealed partial class PoolTests
{
    [Fact]
    public void A_worker_that_differs_from_two_others_in_two_actions_is_left_alone_then_tried_with_one_action()
    {
        Beat("liar", slots: 4);
        Ask(count: 20);
        foreach (SlotLease lease in Serve())
        {
            End(lease);
        }

        Report("home", new WorkerDifference("liar", "one", ["b", "c"]));
        Assert.NotEmpty(Serve());
        Report("home", new WorkerDifference("liar", "two", ["b", "c"]));
        Beat("liar", slots: 4);

        QuarantineNotice notice = Assert.Single(_pool.TakeNotices());
        Assert.Equal(("liar", 30), (notice.Worker, notice.Seconds));
        Assert.Equal(["b", "c"], notice.DiffersFrom);
        Assert.Equal(1, _pool.View(_now).Quarantined);
        for (int second = 0; second < 30; second++)
        {
            Assert.Empty(Serve());
            _now += TimeSpan.FromSeconds(1);
            Report("home", new WorkerDifference("liar", "one", ["b", "c"]), new WorkerDifference("liar", "two", ["b", "c"])); // told again, for a pool that is new
            Beat("liar", slots: 4);
        }

        SlotLease probe = Assert.Single(Serve());
        Assert.Equal(0, _pool.View(_now).Quarantined);

        // It still lies: longer the second time.
        End(probe);
        Report("home", new WorkerDifference("liar", "three", ["b", "c"]), new WorkerDifference("liar", "four", ["b", "c"]));
        Assert.Equal(60, Assert.Single(_pool.TakeNotices()).Seconds);
    }

    [Fact]
    public void A_tool_that_is_not_repeatable_leaves_nobody_alone()
    {
        Beat("a", slots: 1);
        Beat("b", slots: 1);
        Beat("c", slots: 1);

        // Of one action: however many say so.
        Report("home", new WorkerDifference("a", "one", ["b", "c"]), new WorkerDifference("b", "one", ["a", "c"]), new WorkerDifference("c", "one", ["a", "b"]));

        // Of many actions: always from the same one, which may be the one that is wrong.
        foreach (int action in Enumerable.Range(0, 10))
        {
            Report("home", new WorkerDifference("a", $"action {action}", ["b"]));
        }

        Assert.Empty(_pool.TakeNotices());
        Assert.Equal(0, _pool.View(_now).Quarantined);
    }

    [Fact]
    public void That_a_result_is_different_counts_after_the_end_of_its_lease_and_one_user_alone_proves_nothing()
    {
        Beat("a", slots: 2);
        foreach (string user in new[] { "ana", "ana", "ana" })
        {
            Different(user);
        }

        Assert.Empty(_pool.TakeNotices());
        Different("bob");
        Assert.Equal(["bob"], Assert.Single(_pool.TakeNotices()).DiffersFrom);
        Assert.True(Serve().Count == 0);

        void Different(string user)
        {
            _pool.Ask(NewAsk(++_number) with { Account = new Account(Priority.Interactive, user, "app") }, _now);
            SlotLease lease = Assert.Single(Serve());
            End(lease);
            End(lease, LeaseOutcome.Different);
            End(lease, LeaseOutcome.Different);
        }
    }

    [Fact]
    public void A_worker_that_was_started_again_begins_anew_and_old_reports_are_forgotten()
    {
        Beat("a", slots: 1);
        Report("home", new WorkerDifference("a", "one", ["b", "c"]));
        _pool.Beat(NewBeat("a", slots: 1) with { Incarnation = "2" }, _now);
        Report("home", new WorkerDifference("a", "two", ["b", "c"]));
        Assert.Empty(_pool.TakeNotices());

        for (int minute = 0; minute <= 3600; minute++)
        {
            _now += TimeSpan.FromSeconds(1);
            _pool.Beat(NewBeat("a", slots: 1) with { Incarnation = "2" }, _now);
            Serve();
        }

        Report("home", new WorkerDifference("a", "three", ["b", "c"]));
        Assert.Empty(_pool.TakeNotices());
    }

    private void Report(string home, params WorkerDifference[] differences) =>
        _pool.Beat(NewBeat(home, slots: 0) with { IsDraining = true, Differences = differences }, _now);
}
