using Repr.EndToEnd.Tests.Discovery;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing.Servers;

namespace Repr.EndToEnd.Tests.Farm;

/// <summary>Commands on farms of real workers: one that has its own pool, and three that find each other in Redis.</summary>
public sealed class FarmTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-farm-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_worker_with_a_pool_of_its_own_leases_its_slots()
    {
        await using WorkerProcess worker = await StartAsync("a", "local");
        await using Front front = new(EndpointOf(worker));

        FrontRun[] runs = await Task.WhenAll(Enumerable.Range(0, 6).Select(index => front.ExecAsync("--fail", "--no-stdin", "echo", $"{index}")));

        Assert.All(runs, (run, index) => Assert.True(run.Output == $"{index}\n", run.Error));
        Assert.Contains("Slots of the farm are asked for", LogOf(front), StringComparison.Ordinal);
        Assert.DoesNotContain("gives no leases", LogOf(front), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_without_a_farm_is_told_of_and_used_all_the_same()
    {
        await using WorkerProcess worker = await WorkerProcess.StartAsync(Path.Combine(_directory, "a"));
        await using Front front = new(EndpointOf(worker));

        FrontRun run = await front.ExecAsync("--fail", "echo", "hello");

        Assert.True(run.Output == "hello\n", run.Error);
        Assert.Contains("is no part of a farm", LogOf(front), StringComparison.Ordinal);
        Assert.DoesNotContain("Orleans", File.ReadAllText($"/proc/{worker.ProcessId}/maps"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_farm_that_was_there_a_moment_ago_is_waited_for()
    {
        await using WorkerProcess worker = await StartAsync("a", "local");
        await using Front front = new(EndpointOf(worker));
        Assert.Equal("1\n", (await front.ExecAsync("--fail", "echo", "1")).Output);

        await worker.KillAsync();
        Task<FrontRun> running = front.ExecAsync("--fail", "echo", "2");
        await worker.StartAsync();

        FrontRun run = await running;
        Assert.True(run.Output == "2\n", run.Error);
    }

    [Fact]
    public async Task A_worker_of_a_farm_that_is_asked_to_stop_lets_its_actions_end()
    {
        await using WorkerProcess worker = await StartAsync("a", "local");
        await using Front front = new(EndpointOf(worker));
        HeldTools held = new();
        Task<FrontRun> running = front.ExecAsync("--fail", "--no-stdin", "sh", "-c", held.Command + "; echo done");
        await held.WaitForAsync(1, running);

        Task stopping = worker.StopAsync();
        await held.ReleaseAsync(running);

        FrontRun run = await running;
        Assert.True(run is { ExitCode: 0, Output: "done\n" }, run.Error);
        await stopping;
    }

    [Fact]
    public async Task Actions_of_a_worker_that_is_killed_run_on_the_others_and_its_slots_are_gone()
    {
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using WorkerProcess a = await StartAsync("a", FarmOf(redis));
        await using WorkerProcess b = await StartAsync("b", FarmOf(redis));
        await using WorkerProcess c = await StartAsync("c", FarmOf(redis));
        await using Front front = new(EndpointOf(a));
        await WaitForMembersAsync(front, 3);
        HeldTools held = new();

        // One slot and one place each: three run at once.
        Task<FrontRun[]> all = Task.WhenAll(Enumerable.Range(0, 3).Select(_ => front.ExecAsync("--fail", "--no-stdin", "sh", "-c", held.Command + "; echo done")));
        await held.WaitForAsync(3, all);
        await c.KillAsync();
        await held.ReleaseAsync(all);

        Assert.All(await all, run => Assert.True(run is { ExitCode: 0, Output: "done\n" }, run.Error));
        await WaitForMembersAsync(front, 2);

        // Also when it is the one that was asked, perhaps with the pool on it.
        await a.KillAsync();
        for (int index = 0; index < 5; index++)
        {
            FrontRun run = await front.ExecAsync("--fail", "echo", $"{index}");
            Assert.True(run.Output == $"{index}\n", run.Error);
        }

        await WaitForMembersAsync(front, 1);
    }

    [Fact]
    public async Task A_farm_whose_store_is_lost_goes_on_and_who_starts_meanwhile_joins_when_it_is_back()
    {
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using WorkerProcess a = await StartAsync("a", FarmOf(redis));
        await using WorkerProcess b = await StartAsync("b", FarmOf(redis));
        await using Front front = new(EndpointOf(a));
        await WaitForMembersAsync(front, 2);
        HeldTools held = new();
        Task<FrontRun> running = front.ExecAsync("--fail", "--no-stdin", "sh", "-c", held.Command + "; echo done");
        await held.WaitForAsync(1, running);

        await redis.KillAsync();
        await held.ReleaseAsync(running);
        Assert.True((await running) is { ExitCode: 0, Output: "done\n" });
        Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);

        // A worker that can't join runs actions of whoever names it, without leases.
        await using WorkerProcess c = await StartAsync("c", FarmOf(redis));
        await using Front other = new(EndpointOf(c));
        FrontRun run = await other.ExecAsync("--fail", "echo", "hello");
        Assert.True(run.Output == "hello\n", run.Error);
        Assert.Contains("gives no leases", LogOf(other), StringComparison.Ordinal);

        await redis.StartAgainAsync(Cancellation);
        await c.WaitForLogAsync("Joined the farm", Cancellation);
    }

    internal static string EndpointOf(WorkerProcess worker) => $"repr://farm@{new Uri(worker.Address).Authority}";

    internal static string FarmOf(StoreServer redis) => $"redis://:{StoreServer.RedisPassword}@127.0.0.1:{redis.Port}/test";

    private static string LogOf(Front front) => File.ReadAllText(Path.Combine(front.Environment["REPR_CACHE_DIR"], "requester.log"));

    // What the requester knows: each worker that was found is in its status once an action could have gone there.
    internal static async Task WaitForMembersAsync(Front front, int count)
    {
        while (true)
        {
            await front.ExecAsync("--fail", "true");
            string known = File.ReadAllLines(Path.Combine(front.Environment["REPR_CACHE_DIR"], "requester.log"))
                .Last(static line => line.Contains("workers are known now", StringComparison.Ordinal));
            if (known.Contains($"'farm': {count} workers", StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(50, Cancellation);
        }
    }

    private Task<WorkerProcess> StartAsync(string name, string farm) => WorkerProcess.StartAsync(Path.Combine(_directory, name), "--slots", "1", "--farm", farm);
}
