using System.Text.Json;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;

namespace Repr.EndToEnd.Tests.Discovery;

/// <summary>Commands on real workers behind the endpoint <c>repr://discover</c>: two at once, one that dies, one that comes and one that goes.</summary>
public sealed class DiscoveryTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-discover-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Farm => Path.Combine(_directory, "farm");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_command_whose_worker_is_killed_runs_on_another_and_then_here()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        SetFarm(a, b);
        await using Front front = NewFront();
        HeldTools held = new();

        // One slot each: two at once are on two workers.
        Task<FrontRun[]> both = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => front.ExecAsync("--fail", "--no-stdin", "sh", "-c", held.Command + "; echo done")));
        await held.WaitForAsync(2, both);
        await a.KillAsync();
        await held.ReleaseAsync(both);
        Assert.All(await both, run => Assert.True(run is { ExitCode: 0, Output: "done\n" }, run.Error));
        JsonElement[] records = [.. Records(front)];
        Assert.Equal(["1", "2"], records.Select(record => $"{record.GetProperty("attempts")}").Order());
        Assert.Single(records.Select(record => record.GetProperty("worker").GetString()).Distinct());

        // None is left: it runs here, and says why.
        await b.KillAsync();
        FrontRun local = await front.ExecAsync("echo", "hello");
        Assert.Equal("hello\n", local.Output);
        Assert.Contains("REPR1101", local.Error, StringComparison.Ordinal);
        Assert.Contains("None of the 2 workers", local.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_comes_is_used_and_one_that_goes_is_let_go()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        SetFarm(a);
        await using Front front = NewFront();
        Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);

        SetFarm(b);
        await WaitAsync(front, workers => workers.Count == 0); // a is let go
        Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);
        Assert.Equal(b.Address, Assert.Single(await StatusAsync(front)).Endpoint);

        SetFarm();
        FrontRun local = await front.ExecAsync("echo", "hello");
        Assert.Equal("hello\n", local.Output);
        while (!local.Error.Contains("REPR1107", StringComparison.Ordinal))
        {
            local = await front.ExecAsync("--fail", "echo", "hello"); // until the file was read
        }
    }

    [Fact]
    public async Task Wrong_settings_are_told_by_their_names_all_at_once()
    {
        await using Front front = NewFront();
        File.WriteAllText(Settings(), """
            {
              "Discovery": [
                { "Plugin": "static", "Options": { "Addresses": [ "ftp://a" ] } },
                { "Plugin": "dns", "Options": { "Name": "workers.test", "Port": 0 } },
                { "Plugin": "kubernetes" },
                { "Plugin": "nonsense" }
              ]
            }
            """);

        FrontRun run = await front.ExecAsync("--fail", "echo", "hello");

        Assert.Equal(125, run.ExitCode);
        Assert.Contains("REPR1302", run.Error, StringComparison.Ordinal);
        Assert.All(
            (string[])["Discovery:0:Options:Addresses", "Discovery:1:Options:Port", "Discovery:2:Options:Service", "Discovery:3:Plugin"],
            setting => Assert.Contains(setting, run.Error, StringComparison.Ordinal));
    }

    private static IEnumerable<JsonElement> Records(Front front) => Directory
        .EnumerateFiles(Path.Combine(front.Environment["REPR_CACHE_DIR"], "records"))
        .SelectMany(File.ReadAllLines)
        .Select(line => JsonDocument.Parse(line).RootElement);

    private static async Task<IReadOnlyList<(string Endpoint, string State, int Running)>> StatusAsync(Front front)
    {
        JsonElement status = JsonDocument.Parse((await front.ScriptAsync("$repr status --json")).Output).RootElement;
        return
        [
            .. status.GetProperty("workers").EnumerateArray().Select(worker => (
                worker.GetProperty("endpoint").GetString()!, worker.GetProperty("state").GetString()!, worker.GetProperty("running").GetInt32())),
        ];
    }

    private static async Task WaitAsync(Front front, Func<IReadOnlyList<(string Endpoint, string State, int Running)>, bool> condition)
    {
        while (!condition(await StatusAsync(front)))
        {
            await Task.Delay(20, Cancellation);
        }
    }

    private Task<WorkerProcess> StartAsync(string name) => WorkerProcess.StartAsync(Path.Combine(_directory, name), "--slots", "1");

    private void SetFarm(params WorkerProcess[] workers)
    {
        File.WriteAllLines(Farm + ".new", workers.Select(worker => worker.Address));
        File.Move(Farm + ".new", Farm, overwrite: true);
    }

    private Front NewFront()
    {
        Front front = new("repr://discover");
        front.Environment["REPR_CONFIG"] = Settings();
        return front;
    }

    private string Settings()
    {
        string path = Path.Combine(_directory, "settings.json");
        File.WriteAllText(path, JsonSerializer.Serialize(new { Discovery = new[] { new { Plugin = "file", Options = new { Path = Farm } } } }));
        return path;
    }
}
