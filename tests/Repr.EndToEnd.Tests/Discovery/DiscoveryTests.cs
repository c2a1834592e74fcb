using System.Text.Json;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Discovery;

/// <summary>Real workers behind the endpoint <c>repr://discover</c>: two at once, one that dies, one that comes and one that goes.</summary>
public sealed class DiscoveryTests(PackedSdk sdk) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-discover-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Farm => Path.Combine(_directory, "farm");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_build_uses_both_workers_and_survives_the_death_of_one_and_of_both()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        SetFarm(a, b);
        await using Front front = NewFront();
        Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);
        await WaitAsync(front, workers => workers.Count(worker => worker.State == "connected") == 2);

        // One slot each: two at once are on two workers.
        Task<FrontRun>[] both = [.. Enumerable.Range(0, 2).Select(_ => front.ExecAsync("--fail", "sh", "-c", "sleep 3; echo done"))];
        await WaitAsync(front, workers => workers.Count(worker => worker.Running == 1) == 2);
        await a.KillAsync();
        Assert.All(await Task.WhenAll(both), run => Assert.True(run is { ExitCode: 0, Output: "done\n" }, run.Error));
        JsonElement[] records = [.. Records(front).TakeLast(2)];
        Assert.Equal(["1", "2"], records.Select(record => $"{record.GetProperty("attempts")}").Order());
        Assert.Single(records.Select(record => record.GetProperty("worker").GetString()).Distinct()); // in the end, both on the one that lives

        // None is left: it runs here, and says why.
        await b.KillAsync();
        FrontRun local = await front.ExecAsync("echo", "hello");
        Assert.Equal("hello\n", local.Output);
        Assert.Contains("REPR1101", local.Error, StringComparison.Ordinal);
        Assert.Contains("None of 2 workers", local.Error, StringComparison.Ordinal);
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
    public async Task A_build_of_MSBuild_finds_its_workers_too()
    {
        await using WorkerProcess a = await StartAsync("a");
        SetFarm(a);
        SmallProject project = new(sdk, "Alpha");

        BuildRun build = await PackedSdk.RunAsync(
            project.Directory,
            ["build", "Small.slnx", "-nologo", "-p:ReprEndpoint=repr://discover", "-p:ReprFallback=fail"],
            new() { ["REPR_CONFIG"] = Settings() });

        Assert.True(build.ExitCode == 0, build.Output);
        string tool = Path.Combine(project.Directory, $"../packages/repr.build.sdk/{PackedSdk.Version}/tools/net10.0/repr.dll");
        BuildRun status = await PackedSdk.RunAsync(project.Directory, [tool, "status"], []);
        Assert.Contains(a.Address, status.Output, StringComparison.Ordinal);
        await PackedSdk.RunAsync(project.Directory, [tool, "shutdown"], []);
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
