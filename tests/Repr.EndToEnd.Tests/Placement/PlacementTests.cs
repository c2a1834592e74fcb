using System.Text.Json;
using Repr.EndToEnd.Tests.Discovery;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing;

namespace Repr.EndToEnd.Tests.Placement;

/// <summary>Commands on real workers that are slow, far away, or not needed: who runs them, and what is told of it.</summary>
public sealed class PlacementTests : IDisposable
{
    // Held where the file is there; it leaves the same in any case. (A shell says what ended its commands.)
    private const string Script = "if test -e hold; then { {0}; } 2>/dev/null; fi; echo made > made; echo done";

    private static readonly TimeSpan s_farAway = TimeSpan.FromMilliseconds(250);

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-placement-").FullName;
    private readonly HeldTools _held = new();
    private string _before = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_command_that_is_stuck_on_one_worker_runs_on_another_and_the_first_that_ends_counts(bool secondEnds)
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        await using Front front = NewFront("repr://discover", "race", a, b);
        await LearnAsync(front, 2);
        await File.WriteAllTextAsync(front.PathOf("hold"), "", Cancellation);

        Task<FrontRun> running = ExecAsync(front, "raced");
        int first = await _held.WaitForFirstAsync(running);
        await _held.WaitForAsync(2, running); // it has been begun a second time
        await ProcessTable.SignalAsync(secondEnds ? _held.Waiting.Single(id => id != first) : first, "TERM");
        FrontRun run = await running;
        await _held.WaitForAsync(0, Task.Delay(Timeout.Infinite, Cancellation)); // the other one was ended

        Assert.Equal((0, "done\n", ""), (run.ExitCode, run.Output, run.Error));
        Assert.Equal("made\n", await File.ReadAllTextAsync(front.PathOf("made"), Cancellation));
        Assert.Equal(["hold", "made"], Directory.GetFileSystemEntries(front.Directory).Select(Path.GetFileName).Order());
        JsonElement record = Assert.Single(front.RecordsOf("raced"));
        JsonElement race = record.GetProperty("race");
        Assert.Equal(secondEnds ? "won" : "lost", race.GetProperty("outcome").GetString());
        Assert.NotEqual(race.GetProperty("first").GetString(), race.GetProperty("second").GetString());
        Assert.Equal(race.GetProperty(secondEnds ? "second" : "first").GetString(), record.GetProperty("worker").GetString());
        JsonElement report = JsonDocument.Parse((await front.ScriptAsync("$repr report raced --json")).Output).RootElement;
        Assert.Equal((1, secondEnds ? 1 : 0), (report.GetProperty("raced").GetInt32(), report.GetProperty("races_won").GetInt32()));
    }

    [Fact]
    public async Task A_worker_that_is_frozen_in_the_middle_of_a_build_is_not_waited_for()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        await using Front front = NewFront("repr://discover", "race", a, b);
        await LearnAsync(front, 2);
        await File.WriteAllTextAsync(front.PathOf("hold"), "", Cancellation);

        // One slot each: one of the two is on the worker that is frozen.
        Task<FrontRun[]> both = Task.WhenAll(ExecAsync(front, "frozen"), ExecAsync(front, "frozen"));
        await _held.WaitForAsync(2, both);
        a.Freeze();
        await _held.ReleaseAsync(both);
        FrontRun[] runs = await both;
        JsonElement[] records = [.. front.RecordsOf("frozen")];
        a.Thaw();

        Assert.All(runs, run => Assert.Equal((0, "done\n", ""), (run.ExitCode, run.Output, run.Error)));
        Assert.Equal("made\n", await File.ReadAllTextAsync(front.PathOf("made"), Cancellation));
        Assert.All(records, record => Assert.Equal("remote", record.GetProperty("outcome").GetString()));
        Assert.Single(records.Select(record => record.GetProperty("worker").GetString()).Distinct());

        // If this machine is so slow that the connection is given up before, it is an attempt that failed.
        Assert.Contains(records, record => IsRaced(record) || record.GetProperty("attempts").GetInt32() > 1);
    }

    [Fact]
    public async Task A_command_that_is_stuck_on_the_only_worker_is_taken_back()
    {
        _before = "sleep 0.5; "; // so that it is not worth staying for
        await using WorkerProcess a = await StartAsync("a");
        await using Front front = NewFront(a.Address, "auto");
        await LearnAsync(front, 1);
        string hold = front.PathOf("hold");
        await File.WriteAllTextAsync(hold, "", Cancellation);

        Task<FrontRun> running = ExecAsync(front, "taken");
        await _held.WaitForAsync(1, running);
        File.Delete(hold); // here it is not held
        FrontRun run = await running;
        await _held.WaitForAsync(0, Task.Delay(Timeout.Infinite, Cancellation));

        Assert.Equal((0, "done\n", ""), (run.ExitCode, run.Output, run.Error));
        Assert.Equal("made\n", await File.ReadAllTextAsync(front.PathOf("made"), Cancellation));
        JsonElement record = Assert.Single(front.RecordsOf("taken"));
        Assert.Equal(("not-run", "REPR1111"), (record.GetProperty("outcome").GetString(), record.GetProperty("code").GetString()));
        Assert.Equal("taken-back", record.GetProperty("race").GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task A_tiny_command_stays_here_when_the_worker_is_far_away_and_there_is_room()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using DelayLine line = new(new Uri(a.Address), s_farAway);
        await using Front front = NewFront(line.Endpoint, "auto");
        await LearnAsync(front, 1);

        FrontRun run = await ExecAsync(front, "near");
        Assert.Equal((0, "done\n", ""), (run.ExitCode, run.Output, run.Error));
        JsonElement record = Assert.Single(front.RecordsOf("near"));
        Assert.Equal(("not-run", "REPR1110"), (record.GetProperty("outcome").GetString(), record.GetProperty("code").GetString()));
        Assert.StartsWith("local: about ", record.GetProperty("placement").GetString(), StringComparison.Ordinal);

        // Where nothing may run here, nothing does by choice.
        Assert.Equal(0, (await front.ExecAsync("--fail", "--no-stdin", "--build-id", "fail", "sh", "-c", ScriptText)).ExitCode);
        Assert.Equal("remote", Assert.Single(front.RecordsOf("fail")).GetProperty("outcome").GetString());

        // No room: it is sent away, and the record says why. The settings count as soon as the requester process has begun anew.
        WriteSettings(localSlots: 0);
        string outcome;
        int tries = 0;
        do
        {
            string id = $"full-{++tries}";
            run = await ExecAsync(front, id);
            Assert.Equal((0, "done\n", ""), (run.ExitCode, run.Output, run.Error)); // also of the one that comes in between
            record = Assert.Single(front.RecordsOf(id));
            outcome = $"{record.GetProperty("outcome").GetString()} {(record.TryGetProperty("placement", out JsonElement why) ? why.GetString() : "")}";
        }
        while (!outcome.EndsWith("this machine has no room", StringComparison.Ordinal));

        Assert.StartsWith("remote", outcome, StringComparison.Ordinal);
    }

    private string ScriptText => _before + Script.Replace("{0}", _held.Command, StringComparison.Ordinal);

    private static bool IsRaced(JsonElement record) => record.TryGetProperty("race", out JsonElement race) && race.ValueKind == JsonValueKind.Object;

    // As often as it takes until all workers are connected.
    private async Task LearnAsync(Front front, int workers)
    {
        int connected;
        do
        {
            FrontRun run = await ExecAsync(front, "learn");
            Assert.True(run is { ExitCode: 0, Output: "done\n" }, run.Error);
            JsonElement status = JsonDocument.Parse((await front.ScriptAsync("$repr status --json")).Output).RootElement;
            connected = status.GetProperty("workers").EnumerateArray().Count(worker => worker.GetProperty("state").GetString() == "connected");
        }
        while (connected < workers);

        Assert.Contains(front.RecordsOf("learn"), record => record.GetProperty("outcome").GetString() == "remote");
        File.Delete(front.PathOf("made"));
    }

    // Known results would do for it, so it may run twice; they are only compared, so it always runs.
    private Task<FrontRun> ExecAsync(Front front, string buildId) =>
        front.ExecAsync("--no-stdin", "--cache", "verify", "--build-id", buildId, "sh", "-c", ScriptText);

    private Task<WorkerProcess> StartAsync(string name) => WorkerProcess.StartAsync(Path.Combine(_directory, name), "--slots", "1");

    private Front NewFront(string endpoint, string placement, params WorkerProcess[] workers)
    {
        Front front = new(endpoint);
        front.Environment["REPR_PLACEMENT"] = placement;
        front.Environment["REPR_CONFIG"] = WriteSettings(localSlots: 64, workers);
        return front;
    }

    private string WriteSettings(int localSlots, params WorkerProcess[] workers)
    {
        string path = Path.Combine(_directory, "settings.json");
        object[] discovery = workers.Length == 0 ? [] : [new { Plugin = "static", Options = new { Addresses = workers.Select(worker => worker.Address) } }];
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(new { Discovery = discovery, Placement = new { LocalSlots = localSlots } }));
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }
}
