namespace Repr.Farm.Tests;

/// <summary>The rules of a pool, one by one.</summary>
public sealed partial class PoolTests
{
    private const ulong Tool = 7;
    private const ulong Content = 9;

    private readonly Pool _pool = new(new PoolOptions { AheadPerSlot = 0, FirstEstimateSeconds = 0.999 }, "p"); // short: they may wait at a worker
    private TimeSpan _now;
    private long _number;

    [Fact]
    public void Grants_go_to_slots_and_one_place_ahead_and_no_further()
    {
        Beat("a", slots: 2);

        Ask(count: 5);

        Assert.Equal(3, Serve().Count);
        Assert.Equal(2, _pool.Asks);
    }

    [Fact]
    public void The_end_of_a_lease_frees_its_place_once()
    {
        Beat("a", slots: 1);
        Ask(count: 4);
        SlotLease first = Serve()[0];

        End(first);
        End(first);

        Assert.Single(Serve());
        Assert.Equal(1, _pool.Asks);
    }

    [Fact]
    public void Other_work_of_a_worker_takes_its_places()
    {
        Beat("a", slots: 2, other: 2);

        Ask(count: 5);

        Assert.Single(Serve());
    }

    [Fact]
    public void A_worker_that_falls_silent_is_gone_and_its_leases_with_it()
    {
        Beat("a", slots: 1);
        Ask(count: 1, front: "f");
        Assert.Single(Serve());

        _now += TimeSpan.FromSeconds(3);
        Serve();

        Assert.Equal(0, _pool.Leases);
        Assert.Empty(_pool.View(_now).Endpoints);
    }

    [Fact]
    public void A_lease_that_no_beat_names_runs_out()
    {
        Beat("a", slots: 1);
        Ask(count: 1);
        Serve();

        for (int second = 0; second < 5; second++)
        {
            _now += TimeSpan.FromSeconds(1);
            Beat("a", slots: 1, held: []);
            Serve();
        }

        Assert.Equal(0, _pool.Leases);
    }

    [Fact]
    public void A_lease_that_its_worker_named_and_names_no_more_has_ended()
    {
        Beat("a", slots: 1);
        Ask(count: 1);
        SlotLease lease = Assert.Single(Serve());
        Beat("a", slots: 1, held: [lease]);

        Beat("a", slots: 1, held: []);

        Assert.Equal(0, _pool.Leases);
    }

    [Fact]
    public void A_new_pool_knows_all_leases_and_asks_after_one_beat_of_each_worker()
    {
        Beat("a", slots: 2);
        Ask(count: 4);
        IReadOnlyList<SlotLease> granted = Serve();
        SlotAsk waiting = NewAsk(4);
        Pool other = new(new PoolOptions { AheadPerSlot = 0, FirstEstimateSeconds = 0.999 }, "q");

        other.Beat(NewBeat("a", slots: 2) with { Held = granted }, _now);
        other.Beat(NewBeat("f", slots: 1) with { Lent = granted, Asks = [waiting], LastAsk = 4 }, _now);

        Assert.Equal(3, other.Leases);
        Assert.Equal(1, other.Asks);
        SlotLease lease = Assert.Single(other.Serve(_now).Granted);
        Assert.Equal("f", lease.Worker); // it knows that the other is full
    }

    [Fact]
    public void A_worker_takes_what_a_pool_of_its_farm_granted_and_nothing_else()
    {
        PoolOptions farm = new() { Key = new byte[] { 1, 2, 3 } };
        Pool pool = new(farm, "p");
        pool.Beat(NewBeat("a", slots: 4), _now);
        pool.Ask(NewAsk(1), _now);
        SlotLease lease = Assert.Single(pool.Serve(_now).Granted);
        SlotAsk ask = lease.Ask;

        SlotLease[] inventions =
        [
            lease with { Seal = "" },
            lease with { Id = "p-2" },
            lease with { Ask = ask with { Number = 2 } },
            lease with { Ask = ask with { Account = ask.Account with { User = "somebody" } } },
            lease with { Ask = ask with { Account = ask.Account with { Project = ask.Account.Project + "x" } } },
            lease with { Ask = ask with { ExpectedSeconds = 1000 } },
            lease.Seal([1, 2]),
        ];

        Assert.All(inventions, invention => Assert.Equal("the lease was not granted by this farm", NewAdmission(farm).TryEnter(invention)));
        Assert.Null(NewAdmission(farm).TryEnter(lease));

        // Nor does a new pool believe a front that names them.
        Pool other = new(farm, "q");
        other.Beat(NewBeat("a", slots: 4), _now);
        other.Beat(NewBeat("f", slots: 4) with { Lent = inventions }, _now);
        Assert.Equal(0, other.Leases);
        other.Beat(NewBeat("f", slots: 4) with { Lent = [lease] }, _now);
        Assert.Equal(1, other.Leases);

        static Admission NewAdmission(PoolOptions options) => new("a", "1", 4, options);
    }

    [Fact]
    public void A_beat_that_was_on_its_way_brings_no_ended_lease_back()
    {
        Beat("a", slots: 1);
        Ask(count: 1);
        SlotLease lease = Assert.Single(Serve());

        End(lease);
        Beat("a", slots: 1, held: [lease]);

        Assert.Equal(0, _pool.Leases);
    }

    [Fact]
    public void A_worker_that_was_started_again_has_no_leases()
    {
        Beat("a", slots: 1);
        Ask(count: 1);
        SlotLease lease = Assert.Single(Serve());
        Beat("a", slots: 1, held: [lease]);

        _pool.Beat(NewBeat("a", slots: 1) with { Incarnation = "2", Held = [] }, _now);
        _pool.Beat(NewBeat("f", slots: 1) with { Lent = [lease] }, _now);

        Assert.Equal(0, _pool.Leases);
    }

    [Fact]
    public void What_a_front_does_not_name_any_more_is_withdrawn_and_what_it_does_not_know_yet_is_not()
    {
        Ask(count: 3, front: "f");

        _pool.Beat(NewBeat("f", slots: 1) with { Asks = [NewAsk(1)], LastAsk = 2 }, _now);

        Assert.Equal(2, _pool.Asks); // 1 and 3
    }

    [Fact]
    public void A_warm_worker_is_preferred_but_not_to_one_that_has_a_free_slot_when_it_has_none()
    {
        _pool.Beat(NewBeat("warm", slots: 1) with { Keys = [Tool] }, _now);
        Beat("cold", slots: 2);
        Ask(count: 3);

        Assert.Equal(["warm", "cold", "cold"], Serve().Select(lease => lease.Worker));
    }

    [Fact]
    public void Where_all_have_a_queue_a_warm_worker_may_have_one_action_more_waiting_and_not_two()
    {
        Pool pool = new(new PoolOptions { AheadPerSlot = 0.25, FirstEstimateSeconds = 0.5 }, "p");
        pool.Beat(NewBeat("warm", slots: 16) with { Keys = [Tool], OtherLoad = 17 }, _now);
        pool.Beat(NewBeat("cold", slots: 16) with { OtherLoad = 16 }, _now);
        pool.Ask(NewAsk(1), _now);
        pool.Ask(NewAsk(2), _now);

        Assert.Equal(["warm", "cold"], pool.Serve(_now).Granted.Select(lease => lease.Worker));
    }

    [Fact]
    public void Where_actions_take_long_they_wait_for_any_slot_and_not_for_one_workers_unless_there_are_many()
    {
        Pool pool = new(new PoolOptions { FirstEstimateSeconds = 2 }, "p");
        pool.Beat(NewBeat("a", slots: 2), _now);
        pool.Beat(NewBeat("b", slots: 2), _now);
        foreach (int number in Enumerable.Range(1, 8))
        {
            pool.Ask(NewAsk(number), _now);
        }

        // Each slot has one, and 4 wait: none of them is bound to a worker.
        Assert.Equal(4, pool.Serve(_now).Granted.Count);

        // One more than there are slots: it prepares where it will run. So does the next.
        pool.Ask(NewAsk(9), _now);
        SlotLease first = Assert.Single(pool.Serve(_now).Granted);
        pool.Ask(NewAsk(10), _now);
        SlotLease second = Assert.Single(pool.Serve(_now).Granted);
        Assert.NotEqual(first.Worker, second.Worker);
        Assert.Empty(pool.Serve(_now).Granted);
    }

    [Fact]
    public void The_same_content_goes_to_the_same_worker_in_every_pool()
    {
        string[] chosen = [.. Enumerable.Range(0, 5).Select(round =>
        {
            Pool pool = new(new PoolOptions(), $"p{round}");
            foreach (int worker in Enumerable.Range(0, 20).OrderBy(worker => (worker * 7 + round) % 20))
            {
                pool.Beat(NewBeat($"w{worker}", slots: 4), _now);
            }

            pool.Ask(NewAsk(1), _now);
            return pool.Serve(_now).Granted.Single().Worker;
        })];

        Assert.Single(chosen.Distinct());
    }

    [Fact]
    public void Actions_share_a_workers_memory_and_a_large_one_runs_alone()
    {
        _pool.Beat(NewBeat("a", slots: 8) with { MemoryBytes = 1000 }, _now);
        for (int number = 1; number <= 4; number++)
        {
            _pool.Ask(NewAsk(number) with { MemoryBytes = 400 }, _now);
        }

        IReadOnlyList<SlotLease> granted = Serve();
        Assert.Equal(2, granted.Count);

        _pool.Ask(NewAsk(9) with { MemoryBytes = 5000 }, _now);
        _pool.End("f", [3, 4], [.. granted.Select(lease => new LeaseEnd(lease.Id, LeaseOutcome.Done))], _now);
        Assert.Equal(9, Assert.Single(Serve()).Ask.Number);
    }

    [Fact]
    public void Who_waits_long_for_memory_gets_a_free_slot_without()
    {
        _pool.Beat(NewBeat("a", slots: 4) with { MemoryBytes = 1000 }, _now);
        _pool.Ask(NewAsk(1) with { MemoryBytes = 300 }, _now);
        Assert.Single(Serve());
        _pool.Ask(NewAsk(2) with { MemoryBytes = 900 }, _now);
        Assert.Empty(Serve());

        for (int second = 0; second < 10; second++)
        {
            _now += TimeSpan.FromSeconds(1);
            SlotLease held = new() { Id = "p-1", Ask = NewAsk(1), Worker = "a", Incarnation = "1", Endpoint = "http://a:7070" };
            _pool.Beat(NewBeat("a", slots: 4) with { MemoryBytes = 1000, Held = [held] }, _now);
        }

        Assert.Equal(2, Assert.Single(Serve()).Ask.Number);
    }

    [Fact]
    public void Labels_and_platform_must_fit_and_what_fits_nowhere_is_refused_at_once_and_honestly()
    {
        _now += TimeSpan.FromSeconds(10);
        _pool.Beat(NewBeat("a", slots: 1) with { Labels = ["gpu"] }, _now);
        Serve();
        _now += TimeSpan.FromSeconds(3);
        _pool.Beat(NewBeat("a", slots: 1) with { Labels = ["gpu"] }, _now);

        Assert.Equal(new QueueAnswer(0, 0, 0, IsRefused: true), _pool.Ask(NewAsk(1) with { Platform = "win-x64" }, _now));
        Assert.Equal(new QueueAnswer(0, 0, 0, IsRefused: true), _pool.Ask(NewAsk(2) with { Labels = ["fpga"] }, _now));
        Assert.Equal(new QueueAnswer(1, 0, 0), _pool.Ask(NewAsk(3) with { Labels = ["gpu"] }, _now));
    }

    [Fact]
    public void What_waits_when_the_last_worker_that_fits_is_gone_is_refused_after_a_while()
    {
        Beat("a", slots: 1);
        Ask(count: 3);
        Serve();

        List<SlotAsk> refused = [];
        for (int half = 0; half < 16; half++)
        {
            _now += TimeSpan.FromSeconds(0.5);
            refused.AddRange(_pool.Serve(_now).Refused);
        }

        Assert.Equal(3, Assert.Single(refused).Number);
        Assert.Equal(0, _pool.Asks);
    }

    [Fact]
    public void Who_waits_is_told_how_many_wait_and_for_how_long()
    {
        Beat("a", slots: 2);
        Ask(count: 3); // both slots and the place ahead
        foreach (SlotLease lease in Serve().Take(1))
        {
            _pool.End(new LeaseEnd(lease.Id, LeaseOutcome.Done, Seconds: 1), _now);
        }

        Ask(count: 1);
        Serve();
        Ask(count: 9);

        QueueAnswer answer = _pool.Ask(NewAsk(99), _now);

        Assert.Equal((1, 9), (answer.Workers, answer.Queued));
        Assert.Equal(5, answer.Seconds, precision: 1); // the tenth of 1 s each, on 2 slots
    }

    [Fact]
    public void A_worker_that_fails_again_and_again_is_left_alone_then_tried_with_one_action()
    {
        Beat("a", slots: 4);
        Ask(count: 20);
        foreach (SlotLease lease in Serve().Take(3))
        {
            End(lease, LeaseOutcome.Failed);
        }

        for (int second = 0; second < 30; second++)
        {
            Assert.Empty(Serve());
            _now += TimeSpan.FromSeconds(1);
            Beat("a", slots: 4);
        }

        SlotLease probe = Assert.Single(Serve());
        Assert.Empty(Serve());
        End(probe);
        Assert.Equal(5, Serve().Count);
    }

    [Fact]
    public void A_draining_worker_gets_nothing_and_keeps_what_it_has()
    {
        Beat("a", slots: 4);
        Ask(count: 2);
        IReadOnlyList<SlotLease> granted = Serve();

        _pool.Beat(NewBeat("a", slots: 4) with { IsDraining = true, Held = granted }, _now);
        Ask(count: 2);

        Assert.Empty(Serve());
        Assert.Equal(2, _pool.Leases);
    }

    [Fact]
    public void A_worker_on_which_an_action_failed_gets_it_only_if_there_is_no_other()
    {
        Beat("a", slots: 4);
        Beat("b", slots: 4);
        _pool.Ask(NewAsk(1) with { Avoid = ["http://a:7070"] }, _now);
        _pool.Ask(NewAsk(2) with { Avoid = ["http://b:7070"] }, _now);
        Assert.Equal(["a", "b"], Serve().Select(lease => lease.Worker).Order());

        _pool.Leave("b");
        _pool.Ask(NewAsk(3) with { Avoid = ["http://a:7070"] }, _now);
        Assert.Equal("a", Assert.Single(Serve()).Worker);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(10, 1)]
    public void Users_share_slot_seconds_by_their_weights_whatever_their_actions_take(double first, double second)
    {
        Pool pool = new(new PoolOptions { Weights = new Dictionary<string, double> { ["ana"] = first, ["bo"] = second }, AheadPerSlot = 0 }, "p");
        Dictionary<string, double> used = Run(pool, slots: 4, seconds: 4000, ("ana", Priority.Interactive, 0.5), ("bo", Priority.Interactive, 7));

        Assert.InRange(used["ana"] / used["bo"], first / second * 0.9, first / second * 1.1);
    }

    [Fact]
    public void Interactive_work_goes_before_batch_work_which_is_not_starved()
    {
        Pool pool = new(new PoolOptions(), "p");

        Dictionary<string, double> used = Run(pool, slots: 4, seconds: 4000, ("ana", Priority.Interactive, 1), ("ci", Priority.Batch, 2));

        Assert.InRange(used["ana"] / used["ci"], 9 * 0.9, 9 * 1.1);
    }

    // Two who always want more, on one worker; returns slot-seconds.
    private static Dictionary<string, double> Run(Pool pool, int slots, double seconds, params (string User, Priority Priority, double Seconds)[] users)
    {
        Dictionary<string, double> used = users.ToDictionary(user => user.User, _ => 0.0);
        PriorityQueue<SlotLease, double> running = new();
        double now = 0;
        long number = 0;
        foreach ((string User, Priority Priority, double Seconds) user in users)
        {
            for (int index = 0; index < slots * 2; index++)
            {
                Want(user.User);
            }
        }

        List<SlotLease> held = [];
        double nextBeat = 0;
        while (now < seconds)
        {
            if (now >= nextBeat)
            {
                nextBeat = now + 1;
                pool.Beat(NewBeat("a", slots) with { Held = held }, TimeSpan.FromSeconds(now));
            }

            foreach (SlotLease lease in pool.Serve(TimeSpan.FromSeconds(now)).Granted)
            {
                held.Add(lease);
                running.Enqueue(lease, now + users.Single(user => user.User == lease.Ask.Account.User).Seconds);
                Want(lease.Ask.Account.User);
            }

            if (!running.TryPeek(out SlotLease? ended, out double at) || at > nextBeat)
            {
                now = nextBeat;
                continue;
            }

            running.Dequeue();
            now = at;
            held.Remove(ended);
            double took = users.Single(user => user.User == ended.Ask.Account.User).Seconds;
            used[ended.Ask.Account.User] += took;
            pool.End(new LeaseEnd(ended.Id, LeaseOutcome.Done, took), TimeSpan.FromSeconds(now));
        }

        return used;

        void Want(string user) => pool.Ask(
            new SlotAsk { Front = "f", Number = ++number, Account = new Account(users.Single(one => one.User == user).Priority, user, "") }, TimeSpan.FromSeconds(now));
    }

    [Fact]
    public void A_lease_that_has_ended_stays_ended_as_long_as_somebody_names_it()
    {
        Beat("w", 1);
        Ask(1);
        SlotLease lease = Assert.Single(Serve());
        End(lease);
        for (int second = 0; second < 30; second++)
        {
            _now += TimeSpan.FromSeconds(1);
            _pool.Beat(NewBeat("w", 1) with { Lent = [lease] }, _now);
            _pool.Serve(_now);
            Assert.Equal(0, _pool.Leases);
        }

        Ask(1);
        Assert.Single(Serve());
    }

    [Fact]
    public void A_known_result_says_nothing_of_how_long_work_takes()
    {
        Beat("w", 1);
        SlotAsk ask = NewAsk(1000);
        double Expected()
        {
            _pool.Ask(NewAsk(++_number), _now);
            SlotLease busy = Assert.Single(Serve());
            double seconds = _pool.Expect(ask, _now).Seconds;
            _pool.End(new LeaseEnd(busy.Id, LeaseOutcome.Unused), _now);
            return seconds;
        }

        double before = Expected();
        for (int index = 0; index < 50; index++)
        {
            Ask(1);
            _pool.End(new LeaseEnd(Assert.Single(Serve()).Id, LeaseOutcome.Done, Seconds: 0), _now);
        }

        Assert.True(before > 0);
        Assert.Equal(before, Expected());
    }

    [Fact]
    public void A_requester_ends_its_own_leases_alone()
    {
        Front front = new("f");
        object requester = new();
        Beat("w", 1);
        long number = 0;
        SlotAsk ask = front.Ask(requester, NewAsk(0), numbered => number = numbered);
        _pool.Ask(ask, _now);
        Assert.Equal(ask.Number, number);
        SlotLease lease = Assert.Single(front.Take(_pool.Serve(_now), out _)).Lease!;

        Assert.False(front.End(new object(), lease.Id));
        Assert.True(front.End(requester, lease.Id));
        Assert.False(front.End(requester, lease.Id));
    }

    private static NodeBeat NewBeat(string name, int slots) => new()
    {
        Node = name,
        Incarnation = "1",
        Endpoint = $"http://{name}:7070",
        Slots = slots,
        Platform = "linux-x64",
    };

    private static SlotAsk NewAsk(long number, string front = "f") => new()
    {
        Front = front,
        Number = number,
        Account = new Account(Priority.Interactive, "ana", "app"),
        ToolKey = Tool,
        ContentKey = Content,
    };

    private void Beat(string name, int slots, int other = 0, IReadOnlyList<SlotLease>? held = null) =>
        _pool.Beat(NewBeat(name, slots) with { OtherLoad = other, Held = held ?? [] }, _now);

    private void Ask(int count, string front = "f")
    {
        for (int index = 0; index < count; index++)
        {
            _pool.Ask(NewAsk(++_number, front), _now);
        }
    }

    private IReadOnlyList<SlotLease> Serve() => _pool.Serve(_now).Granted;

    private void End(SlotLease lease, LeaseOutcome outcome = LeaseOutcome.Done) => _pool.End(new LeaseEnd(lease.Id, outcome), _now);
}
