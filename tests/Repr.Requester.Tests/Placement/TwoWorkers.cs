using System.Text.Json;
using Repr.Requester.Discovery;
using Repr.Requester.Placement;
using Repr.Requester.Tests.Discovery;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Placement;

/// <summary>A requester and two workers that it has found. Which of them gets an action first is left to it.</summary>
internal sealed class TwoWorkers : IAsyncDisposable
{
    private readonly TestWorker _other;
    private readonly Lock _lock = new();

    private TwoWorkers(RequesterFixture fixture, TestWorker other) => (Fixture, _other) = (fixture, other);

    public RequesterFixture Fixture { get; }

    /// <summary>The tool of the first run that comes, wherever it does.</summary>
    public TestWorker.Tool? OnFirst { get; set; }

    /// <summary>The tool of the next one.</summary>
    public TestWorker.Tool? OnSecond { get; set; }

    /// <summary>The tool of all runs.</summary>
    public TestWorker.Tool? Any { get; set; }

    public TestWorker? First { get; private set; }

    public TestWorker? Second { get; private set; }

    public string? FirstName => First?.FirstMessage.Welcome.WorkerId;

    public string? SecondName => Second?.FirstMessage.Welcome.WorkerId;

    public string Output => Fixture.Files.At("obj/out");

    /// <summary>Actions of the build that were there to learn from.</summary>
    public int Learned { get; private set; }

    public static async Task<TwoWorkers> StartAsync(PlacementSettings? placement = null, uint slots = 2, TimeProvider? slowClock = null)
    {
        TestWorker other = await TestWorker.StartAsync();
        other.FirstMessage.Welcome.WorkerId = "other";
        TestDiscovery discovery = new();
        RequesterFixture fixture = await RequesterFixture.StartAsync(
            [discovery], placement: placement ?? new PlacementSettings { RaceShare = 1, RacesAtOnce = 1000 }, clock: slowClock);
        fixture.Worker.FirstMessage.Welcome.Slots = other.FirstMessage.Welcome.Slots = slots;
        TwoWorkers two = new(fixture, other);
        fixture.Worker.RunTool = (action, cancellationToken) => two.RunAsync(fixture.Worker, action, cancellationToken);
        other.RunTool = (action, cancellationToken) => two.RunAsync(other, action, cancellationToken);
        discovery.Say(fixture.Worker.Endpoint, other.Endpoint);
        return two;
    }

    /// <summary>Runs the action as it is expected to be: fast. Both workers are connected then.</summary>
    public async Task LearnAsync()
    {
        do
        {
            Learned++;
            Wire.Run run = NewRun();
            run.Placement = Wire.Placement.Remote;
            Assert.Equal(0, (await Fixture.CompleteAsync(run)).Done?.Code);
        }
        while (Fixture.Sessions.GetStatus().Count(worker => worker.State == "connected") < 2);

        File.Delete(Output);
    }

    public Wire.Run NewRun()
    {
        Wire.Run run = Fixture.NewRun();
        run.Endpoint = WorkerPool.Any.ToString();
        run.Placement = Wire.Placement.Race;
        return run;
    }

    public Wire.Completed Succeed(string content) => Write(Output, content);

    public Wire.Completed Write(string path, string content)
    {
        _other.Put(System.Text.Encoding.UTF8.GetBytes(content)); // either worker may be asked for it
        return Fixture.Succeed((path, content));
    }

    /// <summary>The races in the build record.</summary>
    public IReadOnlyList<JsonElement> Races() =>
        [.. File.ReadAllLines(Fixture.Files.At("cache/records/build-1.jsonl"))
            .Select(static line => JsonDocument.Parse(line).RootElement)
            .Where(static record => record.TryGetProperty("race", out JsonElement race) && race.ValueKind == JsonValueKind.Object)
            .Select(static record => record.GetProperty("race"))];

    public void AssertNothingLeft() => Assert.Empty(Directory.EnumerateFiles(Fixture.Files.At("obj"), "*" + Requester.Actions.OutputWriter.TemporarySuffix, new EnumerationOptions { AttributesToSkip = 0, RecurseSubdirectories = true }));

    public async ValueTask DisposeAsync()
    {
        await Fixture.DisposeAsync();
        await _other.DisposeAsync();
    }

    private async Task<Wire.Completed> RunAsync(TestWorker worker, TestAction action, CancellationToken cancellationToken)
    {
        TestWorker.Tool? tool;
        lock (_lock)
        {
            tool = Any;
            if (tool is null && OnFirst is not null && First is null)
            {
                (First, tool) = (worker, OnFirst);
            }
            else if (tool is null && OnSecond is not null)
            {
                (Second, tool) = (worker, OnSecond);
            }
        }

        Wire.Completed completed = tool is null ? new Wire.Completed { Exit = new Wire.Exit { Code = 0 } } : await tool(action, cancellationToken);
        if (completed.Exit is not null)
        {
            completed.Timings ??= new Wire.Timings { ToolMs = 5 };
        }

        return completed;
    }
}
