using System.Text.Json;
using Repr.Requester.Discovery;
using Repr.Requester.Placement;
using Repr.Requester.Tests.Discovery;
using Repr.Testing;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Placement;

/// <summary>What stays here and what is sent away, on a line whose round trip is known, by what this machine does.</summary>
public sealed class PlacementTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromMilliseconds(150);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tiny_action_stays_here_when_the_worker_is_far_away_and_the_record_says_why()
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync();
        await using DelayLine line = new(fixture.Worker.Endpoint, s_long);
        CountRuns(fixture, toolMs: 5);

        // What is not known goes to a worker.
        Assert.Equal(0, (await fixture.CompleteAsync(NewRun(fixture, line.Endpoint))).Done?.Code);
        Wire.DoorReply second = await fixture.CompleteAsync(NewRun(fixture, line.Endpoint));

        Assert.Equal(("REPR1110", true, false), (second.NotRun?.Code, second.NotRun?.ByChoice, second.NotRun?.Cancelled));
        Assert.Equal(1, _runs);
        JsonElement record = Records(fixture)[^1];
        Assert.Equal("not-run", record.GetProperty("outcome").GetString());
        Assert.Matches("^local: about 5 ms here, [3-9][0-9][0-9] ms on a worker$", record.GetProperty("placement").GetString());
    }

    [Fact]
    public async Task It_is_sent_away_when_this_machine_is_loaded_and_stays_again_when_it_is_not()
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync();
        await using DelayLine line = new(fixture.Worker.Endpoint, s_long);
        CountRuns(fixture, toolMs: 5);
        await fixture.CompleteAsync(NewRun(fixture, line.Endpoint));

        fixture.Load = new LocalLoad(10_000, 0, long.MaxValue);
        Assert.Equal(0, (await fixture.CompleteAsync(NewRun(fixture, line.Endpoint))).Done?.Code);
        fixture.Load = new LocalLoad(0, 0.9, long.MaxValue);
        Assert.Equal(0, (await fixture.CompleteAsync(NewRun(fixture, line.Endpoint))).Done?.Code);
        Assert.EndsWith("this machine has no room", Records(fixture)[^1].GetProperty("placement").GetString(), StringComparison.Ordinal);

        fixture.Load = new LocalLoad(0, 0, long.MaxValue);
        Assert.Equal("REPR1110", (await fixture.CompleteAsync(NewRun(fixture, line.Endpoint))).NotRun?.Code);
        Assert.Equal(3, _runs);
    }

    [Fact]
    public async Task A_long_action_is_sent_away_whatever_the_line()
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync();
        await using DelayLine line = new(fixture.Worker.Endpoint, s_long);
        CountRuns(fixture, toolMs: 60_000);

        Assert.Equal(0, (await fixture.CompleteAsync(NewRun(fixture, line.Endpoint))).Done?.Code);
        Assert.Equal(0, (await fixture.CompleteAsync(NewRun(fixture, line.Endpoint))).Done?.Code);
        Assert.StartsWith("remote: about 60000 ms here", Records(fixture)[^1].GetProperty("placement").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Content_that_would_have_to_be_sent_keeps_an_action_here()
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync();
        CountRuns(fixture, toolMs: 100);
        fixture.Worker.StoreDelay = TimeSpan.FromMilliseconds(100);
        Wire.Run run = NewRun(fixture, fixture.Worker.Endpoint.ToString());
        run.Inputs.Add(fixture.Files.Write("src/a.bin", new string('a', 200_000)));
        Assert.Equal(0, (await fixture.CompleteAsync(run)).Done?.Code);
        Assert.Equal(0, (await fixture.CompleteAsync(run)).Done?.Code); // it is there now

        fixture.Files.Write("src/a.bin", string.Concat(Enumerable.Range(0, 400_000))); // at 2 MB/s
        Assert.Equal("REPR1110", (await fixture.CompleteAsync(run)).NotRun?.Code);
        Assert.Equal(2, _runs);
    }

    [Theory]
    [InlineData(Wire.Placement.Unspecified)]
    [InlineData(Wire.Placement.Remote)]
    [InlineData(Wire.Placement.Race)]
    public async Task Nothing_stays_here_by_choice_unless_it_may(Wire.Placement placement)
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync();
        await using DelayLine line = new(fixture.Worker.Endpoint, s_long);
        CountRuns(fixture, toolMs: 5);
        for (int i = 0; i < 3; i++)
        {
            Wire.Run run = NewRun(fixture, line.Endpoint);
            run.Placement = placement;
            Assert.Equal(0, (await fixture.CompleteAsync(run)).Done?.Code);
        }

        Assert.Equal(3, _runs);
        Assert.All(Records(fixture), record => Assert.False(record.TryGetProperty("placement", out JsonElement reason) && reason.ValueKind == JsonValueKind.String));
    }

    [Fact]
    public async Task A_straggler_of_the_only_worker_is_taken_back_and_the_worker_writes_nothing_any_more()
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync(placement: new PlacementSettings { RaceShare = 1, LocalSlots = 4 });
        CountRuns(fixture, toolMs: 300);
        await fixture.CompleteAsync(NewRun(fixture, fixture.Worker.Endpoint.ToString()));
        TaskCompletionSource stopped = new();
        fixture.Worker.RunTool = async (action, cancellationToken) =>
        {
            action.Say("text");
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stopped.SetResult();
            return fixture.Succeed((fixture.Files.At("obj/out"), "late"));
        };

        Wire.DoorReply reply = await fixture.CompleteAsync(NewRun(fixture, fixture.Worker.Endpoint.ToString()));
        await stopped.Task.WaitAsync(Cancellation);
        await Task.Delay(100, Cancellation); // its verdict arrives, and nobody wants it

        Assert.Equal(("REPR1111", true, false), (reply.NotRun?.Code, reply.NotRun?.ByChoice, reply.NotRun?.TextPassedOn));
        Assert.Equal("", fixture.Text);
        Assert.Empty(Directory.GetFileSystemEntries(fixture.Files.At("obj")));
        Assert.Equal("taken-back", Records(fixture)[^1].GetProperty("race").GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_straggler_is_not_taken_back_to_a_loaded_machine()
    {
        await using RequesterFixture fixture = await RequesterFixture.StartAsync(placement: new PlacementSettings { RaceShare = 1 });
        CountRuns(fixture, toolMs: 300);
        await fixture.CompleteAsync(NewRun(fixture, fixture.Worker.Endpoint.ToString()));
        fixture.Load = new LocalLoad(10_000, 0, long.MaxValue);
        fixture.Worker.RunTool = async (_, cancellationToken) =>
        {
            await Task.Delay(1500, cancellationToken);
            return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
        };

        Assert.Equal(0, (await fixture.CompleteAsync(NewRun(fixture, fixture.Worker.Endpoint.ToString()))).Done?.Code);
    }

    [Fact]
    public async Task An_action_that_has_waited_for_a_slot_as_long_as_it_takes_here_runs_here()
    {
        TestDiscovery discovery = new();
        await using RequesterFixture fixture = await RequesterFixture.StartAsync([discovery], placement: new PlacementSettings { LocalSlots = 4, RaceShare = 0 });
        fixture.Worker.FirstMessage.Welcome.Slots = 1;
        discovery.Say(fixture.Worker.Endpoint);
        CountRuns(fixture, toolMs: 300);
        string any = WorkerPool.Any.ToString();
        await fixture.CompleteAsync(NewRun(fixture, any));
        TaskCompletionSource release = new();
        fixture.Worker.RunTool = async (_, _) =>
        {
            await release.Task;
            return new Wire.Completed { Exit = new Wire.Exit { Code = 0 } };
        };

        // One that runs and one that is prepared.
        Task<Wire.DoorReply>[] running = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            Wire.Run run = NewRun(fixture, any);
            run.Placement = Wire.Placement.Remote;
            return fixture.CompleteAsync(run);
        })];
        while (fixture.Sessions.GetStatus().Single().Running < 2)
        {
            await Task.Delay(5, Cancellation);
        }

        Wire.DoorReply third = await fixture.CompleteAsync(NewRun(fixture, any));
        release.SetResult();

        Assert.Equal(("REPR1111", true), (third.NotRun?.Code, third.NotRun?.ByChoice));
        Assert.All(await Task.WhenAll(running), reply => Assert.Equal(0, reply.Done?.Code));
        Assert.Equal(0, (await fixture.CompleteAsync(NewRun(fixture, any))).Done?.Code); // its place in the queue was given back
    }

    private int _runs;

    private void CountRuns(RequesterFixture fixture, double toolMs)
    {
        fixture.Worker.RunTool = (_, _) =>
        {
            Interlocked.Increment(ref _runs);
            return Task.FromResult(new Wire.Completed { Exit = new Wire.Exit { Code = 0 }, Timings = new Wire.Timings { ToolMs = toolMs } });
        };
    }

    private static Wire.Run NewRun(RequesterFixture fixture, string endpoint)
    {
        Wire.Run run = fixture.NewRun();
        run.Endpoint = endpoint;
        run.Placement = Wire.Placement.Auto;
        return run;
    }

    private static IReadOnlyList<JsonElement> Records(RequesterFixture fixture) =>
        [.. File.ReadAllLines(fixture.Files.At("cache/records/build-1.jsonl")).Select(static line => JsonDocument.Parse(line).RootElement)];
}
