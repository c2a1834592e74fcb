using System.Collections.Concurrent;
using Repr.Requester.Discovery;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Discovery;

/// <summary>Actions for whoever is found: spread, moved away from who dies, given to who comes.</summary>
public sealed class WorkerPoolTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Actions_are_spread_over_the_workers_by_their_free_slots()
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
    public async Task An_action_whose_worker_dies_is_run_on_another()
    {
        await using TestWorker other = await TestWorker.StartAsync();
        other.FirstMessage.Welcome.WorkerId = "other";
        other.FirstMessage.Welcome.Slots = 1;
        TestDiscovery discovery = new();
        await using RequesterFixture pooled = await RequesterFixture.StartAsync([discovery]);
        discovery.Say(pooled.Worker.Endpoint, other.Endpoint);
        await WaitForBothAsync(pooled, other);
        pooled.Worker.RunTool = async (action, cancellationToken) =>
        {
            action.Die(); // has more slots, so it gets the action first
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return null!;
        };
        Wire.Execute? executed = null;
        other.RunTool = (action, _) =>
        {
            executed = action.Execute;
            return Task.FromResult(new Wire.Completed { Exit = new Wire.Exit { Code = 0 } });
        };

        Wire.DoorReply reply = await pooled.CompleteAsync(NewRun(pooled));

        Assert.Equal("other", reply.Done?.Worker);
        Assert.Equal(2u, reply.Done!.Statistics.Attempts);
        Assert.NotNull(executed);
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
            started.TrySetResult();
            await end.Task;
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
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([new TestDiscovery()]);

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
