using System.Collections.Concurrent;
using Repr.Requester.Actions;
using Repr.Requester.Discovery;
using Repr.Requester.Sessions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Discovery;

/// <summary>Actions for whoever is found: spread, moved away from who dies, given to who comes.</summary>
public sealed class WorkerPoolTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Actions_are_spread_over_the_workers_by_their_slots()
    {
        await using TestWorker other = await TestWorker.StartAsync();
        other.FirstMessage.Welcome.WorkerId = "other";
        other.FirstMessage.Welcome.Slots = 4;
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);
        discovery.Say(fixture.Worker.Endpoint, other.Endpoint);
        await WaitForBothAsync(fixture, other);
        ConcurrentBag<string> ran = [];
        TaskCompletionSource all = new();
        Hold(fixture.Worker, "test-worker");
        Hold(other, "other");

        Wire.DoorReply[] replies = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => fixture.CompleteAsync(NewRun(fixture))));

        Assert.All(replies, reply => Assert.Equal(0, reply.Done?.Code));
        Assert.Equal(2, ran.Count(worker => worker == "test-worker")); // as many as it has slots
        Assert.Equal(4, ran.Count(worker => worker == "other"));

        void Hold(TestWorker worker, string name) => worker.RunTool = async (_, _) =>
        {
            ran.Add(name);
            if (ran.Count == 6)
            {
                all.SetResult();
            }

            await all.Task; // all at the same time
            return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
        };
    }

    [Fact]
    public async Task An_action_whose_worker_dies_is_run_on_another_however_long_it_ran()
    {
        await using TestWorker other = await TestWorker.StartAsync();
        other.FirstMessage.Welcome.WorkerId = "other";
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery], retryBudget: TimeSpan.Zero);
        discovery.Say(fixture.Worker.Endpoint, other.Endpoint);
        await WaitForBothAsync(fixture, other);
        TaskCompletionSource both = new();
        int arrived = 0;
        fixture.Worker.RunTool = async (action, cancellationToken) =>
        {
            await ArriveAsync();
            action.Die();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return null!;
        };
        other.RunTool = async (_, _) =>
        {
            await ArriveAsync();
            return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
        };

        // Two at the same time: one on each.
        Wire.DoorReply[] replies = await Task.WhenAll(fixture.CompleteAsync(NewRun(fixture)), fixture.CompleteAsync(NewRun(fixture)));

        Assert.All(replies, reply => Assert.Equal("other", reply.Done?.Worker));
        Assert.Equal([1u, 2u], replies.Select(reply => reply.Done!.Statistics.Attempts).Order());

        Task ArriveAsync()
        {
            if (Interlocked.Increment(ref arrived) == 2)
            {
                both.SetResult();
            }

            return both.Task;
        }
    }

    [Fact]
    public async Task What_has_no_room_waits_for_a_worker_that_comes_later()
    {
        await using TestWorker other = await TestWorker.StartAsync();
        other.FirstMessage.Welcome.WorkerId = "other";
        other.FirstMessage.Welcome.Slots = 1;
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);
        fixture.Worker.FirstMessage.Welcome.Slots = 1;
        discovery.Say(fixture.Worker.Endpoint);
        TaskCompletionSource end = new();
        int running = 0;
        fixture.Worker.RunTool = async (_, _) =>
        {
            Interlocked.Increment(ref running);
            await end.Task;
            return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
        };
        Task<Wire.DoorReply>[] first = [.. Enumerable.Range(0, WorkerPool.ActionsPerSlot).Select(_ => fixture.CompleteAsync(NewRun(fixture)))];
        while (Volatile.Read(ref running) < WorkerPool.ActionsPerSlot)
        {
            await Task.Delay(5, Cancellation);
        }

        Task<Wire.DoorReply> third = fixture.CompleteAsync(NewRun(fixture));
        discovery.Say(fixture.Worker.Endpoint, other.Endpoint);

        Assert.Equal("other", (await third).Done?.Worker);
        end.SetResult();
        Assert.All(await Task.WhenAll(first), reply => Assert.Equal("test-worker", reply.Done?.Worker));
    }

    [Fact]
    public async Task What_waits_in_vain_ends_with_its_time_or_its_client()
    {
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);
        fixture.Worker.FirstMessage.Welcome.Slots = 1;
        discovery.Say(fixture.Worker.Endpoint);
        HashSet<Uri> none = [];
        using TakenWorker one = await fixture.Workers.TakeAsync(WorkerPool.Any, none, timeout: null, Cancellation);
        TakenWorker two = await fixture.Workers.TakeAsync(WorkerPool.Any, none, timeout: null, Cancellation);

        ActionFailureException full = await Assert.ThrowsAsync<ActionFailureException>(
            () => fixture.Workers.TakeAsync(WorkerPool.Any, none, TimeSpan.FromMilliseconds(50), Cancellation));
        Assert.Equal("REPR1102", full.MessageCode);
        using CancellationTokenSource gone = new();
        Task<TakenWorker> third = fixture.Workers.TakeAsync(WorkerPool.Any, none, timeout: null, gone.Token);
        Task<TakenWorker> fourth = fixture.Workers.TakeAsync(WorkerPool.Any, none, timeout: null, Cancellation);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);

        // The place that none of them took is free for the next.
        two.Dispose();
        (await fourth).Dispose();
    }

    [Fact]
    public async Task A_worker_with_which_it_failed_is_better_than_none()
    {
        TestWorker away = await TestWorker.StartAsync();
        await away.DisposeAsync();
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);
        discovery.Say(fixture.Worker.Endpoint, away.Endpoint);

        using TakenWorker taken = await fixture.Workers.TakeAsync(WorkerPool.Any, new HashSet<Uri> { fixture.Worker.Endpoint }, timeout: null, Cancellation);

        Assert.Equal(fixture.Worker.Endpoint, taken.Endpoint);
    }

    [Fact]
    public async Task Who_is_busy_with_the_actions_of_others_comes_last()
    {
        await using TestWorker other = await TestWorker.StartAsync();
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);
        discovery.Say(fixture.Worker.Endpoint, other.Endpoint);
        await WaitForBothAsync(fixture, other);
        HashSet<Uri> none = [];
        WorkerSession? session = null;
        while (session is null)
        {
            using TakenWorker taken = await fixture.Workers.TakeAsync(WorkerPool.Any, none, timeout: null, Cancellation);
            session = taken.Endpoint == other.Endpoint ? taken.Session : null;
        }

        other.Send(new Wire.WorkerMessage { Load = new Wire.Load { Running = 2, Queued = 5, Slots = 2 } });
        while (session.LoadOfOthers != 7)
        {
            await Task.Delay(5, Cancellation);
        }

        for (int i = 0; i < 20; i++)
        {
            using TakenWorker next = await fixture.Workers.TakeAsync(WorkerPool.Any, none, timeout: null, Cancellation);
            Assert.Equal(fixture.Worker.Endpoint, next.Endpoint);
        }
    }

    [Fact]
    public async Task A_worker_that_cannot_be_reached_costs_no_attempt()
    {
        TestWorker gone = await TestWorker.StartAsync();
        await gone.DisposeAsync();
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);
        discovery.Say(gone.Endpoint, fixture.Worker.Endpoint);

        Wire.DoorReply reply = await fixture.CompleteAsync(NewRun(fixture));

        Assert.Equal(1u, reply.Done?.Statistics.Attempts);
    }

    [Fact]
    public async Task A_worker_that_comes_is_used_and_one_that_goes_is_let_go_after_its_last_action()
    {
        await using TestWorker other = await TestWorker.StartAsync();
        other.FirstMessage.Welcome.WorkerId = "other";
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);
        discovery.Say(fixture.Worker.Endpoint);
        TaskCompletionSource started = new();
        TaskCompletionSource end = new();
        fixture.Worker.RunTool = async (_, _) =>
        {
            if (started.TrySetResult())
            {
                await end.Task; // the first one alone: others may come before it is known that the worker is gone
            }

            return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
        };
        Task<Wire.DoorReply> running = fixture.CompleteAsync(NewRun(fixture));
        await started.Task.WaitAsync(Cancellation);

        discovery.Say(other.Endpoint);
        Wire.DoorReply reply;
        do
        {
            reply = await fixture.CompleteAsync(NewRun(fixture)); // until what was said is known
        }
        while (reply.Done?.Worker != "other");

        Assert.Contains(fixture.Sessions.GetStatus(), worker => worker.WorkerId == "test-worker" && worker.State == "connected");
        end.SetResult();
        Assert.Equal("test-worker", (await running).Done?.Worker);
        while (fixture.Sessions.GetStatus().Any(worker => worker.WorkerId == "test-worker"))
        {
            await Task.Delay(5, Cancellation);
        }
    }

    [Fact]
    public async Task Without_a_worker_the_action_is_given_back_with_a_code_of_its_own()
    {
        TestDiscovery discovery = new();
        discovery.Say();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery]);

        Wire.DoorReply reply = await fixture.CompleteAsync(NewRun(fixture));

        Assert.Equal("REPR1107", reply.NotRun?.Code);
    }

    [Fact]
    public async Task Without_a_section_the_endpoint_is_refused()
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync();

        Wire.DoorReply reply = await fixture.CompleteAsync(NewRun(fixture));

        Assert.Equal("REPR1302", reply.NotRun?.Code);
        Assert.Contains("Discovery", reply.NotRun!.Message, StringComparison.Ordinal);
    }

    private static Wire.Run NewRun(RequesterFixture fixture)
    {
        Wire.Run run = fixture.NewRun();
        run.Endpoint = WorkerPool.Any.ToString();
        run.OutputFiles.Clear();
        return run;
    }

    // The first action goes to who answers first: that is not to be left to chance.
    private static async Task WaitForBothAsync(RequesterFixture fixture, TestWorker other)
    {
        await fixture.CompleteAsync(NewRun(fixture));
        while (fixture.Worker.Connections == 0
            || other.Connections == 0
            || fixture.Sessions.GetStatus().Count(worker => worker.State == "connected") < 2)
        {
            await Task.Delay(5, Cancellation);
        }
    }
}
