using System.Runtime.Versioning;
using System.Text.Json;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Repr.EndToEnd.Tests.Discovery;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing.Servers;

namespace Repr.EndToEnd.Tests.Farm;

/// <summary>Workers that are somebody's desktop, as logind knows it: real workers, a real pool and a real logind.</summary>
[SupportedOSPlatform("linux")]
public sealed class IdleWorkerTests : IDisposable
{
    private const string Bus = "DBUS_SYSTEM_BUS_ADDRESS";

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-idle-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task When_its_user_comes_back_a_desktop_gives_its_slots_back_and_its_actions_run_elsewhere()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "A logind of the test's own needs root.");
        await using Logind logind = await Logind.StartAsync();
        await using StoreServer redis = await StoreServer.StartRedisAsync(Cancellation);
        await using WorkerProcess server = await StartAsync("server", redis);
        await using WorkerProcess desktop = await StartDesktopAsync("desktop", logind, redis);
        await desktop.WaitForLogAsync("by its logind", Cancellation);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await HealthOfAsync(desktop));
        await using Front front = new(FarmTests.EndpointOf(server));
        front.Environment["REPR_BUILD_ID"] = "moved";
        await FarmTests.WaitForMembersAsync(front, 2);
        File.WriteAllText(front.PathOf("input"), "the same");

        // As often as a worker may fail until it is left alone: that its user comes back is no failure.
        for (int round = 1; round <= 3; round++)
        {
            // A slot on each: one action runs on the desktop.
            HeldTools held = new();
            Task<FrontRun[]> all = Task.WhenAll(Enumerable.Range(0, 2).Select(index =>
                front.ExecAsync("--fail", "--no-stdin", "sh", "-c", $"{held.Command}; cat input > output-{round}-{index}; cat input")));
            await held.WaitForAsync(2, all);
            await logind.ComeBackAsync();

            // Its tool is ended although nobody lets it go on, and the health service says so.
            await held.WaitForAsync(1, all);
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, await HealthOfAsync(desktop));
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await HealthOfAsync(desktop, "liveness"));
            await held.ReleaseAsync(all);

            Assert.All(await all, run => Assert.True(run is { ExitCode: 0, Output: "the same" }, run.Output + run.Error));
            Assert.Equal(2, Directory.GetFiles(front.Directory, $"output-{round}-*").Length);
            await FarmTests.WaitForMembersAsync(front, 1);
            await logind.GoAwayAsync();
            await FarmTests.WaitForMembersAsync(front, 2);
        }

        string serverName = File.ReadAllText(Path.Combine(server.Data, "worker-id"));
        JsonElement[] records = [.. front.RecordsOf("moved").Where(static record => record.GetProperty("description").GetString()!.StartsWith("sh ", StringComparison.Ordinal))];
        Assert.Equal(6, records.Length);
        Assert.All(records, record => Assert.Equal(serverName, record.GetProperty("worker").GetString()));
    }

    [Fact]
    public async Task A_desktop_in_use_says_so_to_whoever_names_it()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "A logind of the test's own needs root.");
        await using Logind logind = await Logind.StartAsync();
        await logind.ComeBackAsync();
        await using WorkerProcess desktop = await StartDesktopAsync("desktop", logind, redis: null);
        await using Front front = new(desktop.Address);

        FrontRun run = await front.ExecAsync("--fail", "echo", "hello");
        Assert.Equal(125, run.ExitCode);
        Assert.Contains("is needed by its user now", run.Error, StringComparison.Ordinal);

        await logind.GoAwayAsync();
        await desktop.WaitForLogAsync("Nobody needs this machine", Cancellation);
        Assert.Equal("hello\n", (await front.ExecAsync("--fail", "echo", "hello")).Output);
    }

    private static async Task<HealthCheckResponse.Types.ServingStatus> HealthOfAsync(WorkerProcess worker, string service = "")
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(worker.Address);
        return (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = service }, new CallOptions(cancellationToken: Cancellation))).Status;
    }

    private Task<WorkerProcess> StartAsync(string name, StoreServer redis) =>
        WorkerProcess.StartAsync(Path.Combine(_directory, name), "--slots", "1", "--farm", FarmTests.FarmOf(redis));

    // The variable is inherited.
    private async Task<WorkerProcess> StartDesktopAsync(string name, Logind logind, StoreServer? redis)
    {
        string[] farm = redis is null ? [] : ["--farm", FarmTests.FarmOf(redis)];
        string? before = Environment.GetEnvironmentVariable(Bus);
        Environment.SetEnvironmentVariable(Bus, logind.Address);
        try
        {
            return await WorkerProcess.StartAsync(
                Path.Combine(_directory, name), ["--slots", "1", "--only-when-idle", "--idle-seconds", "0", .. farm]);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Bus, before);
        }
    }
}
