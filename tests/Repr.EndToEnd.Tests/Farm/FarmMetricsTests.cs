using System.Globalization;
using System.Text.Json;
using Repr.EndToEnd.Tests.Discovery;
using Repr.EndToEnd.Tests.Exec;
using Repr.EndToEnd.Tests.Remote;
using Repr.Testing.Servers;

namespace Repr.EndToEnd.Tests.Farm;

/// <summary>What an autoscaler sees.</summary>
public sealed class FarmMetricsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-farm-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Work_that_waits_for_the_farm_is_a_metric_and_gone_when_it_is_done()
    {
        int port = FreePort.Take();
        string settings = Path.Combine(_directory, "worker.json");
        File.WriteAllText(settings, JsonSerializer.Serialize(
            new { Telemetry = new[] { new { Plugin = "prometheus", Options = new { Listen = $"http://127.0.0.1:{port}" } } } }));
        await using WorkerProcess worker = await WorkerProcess.StartAsync(
            Path.Combine(_directory, "a"), "--slots", "1", "--farm", "local", "--config", settings);
        await using Front front = new(FarmTests.EndpointOf(worker));
        HeldTools held = new();
        Task<FrontRun[]> all = Task.WhenAll(Enumerable.Range(0, 5).Select(_ => front.ExecAsync("--fail", "--no-stdin", "sh", "-c", held.Command + "; true")));
        await held.WaitForAsync(1, all);

        // One runs, one is prepared, three wait.
        using HttpClient client = new();
        await WaitForAsync("repr_farm_queue_length", 3);
        Assert.True(await ValueOfAsync("repr_farm_queue_time_seconds") > 0);
        Assert.Equal(1, await ValueOfAsync("repr_farm_workers"));
        Assert.Equal(1, await ValueOfAsync("repr_farm_slot_limit"));
        Assert.Equal(1, await ValueOfAsync("repr_farm_slot_usage"));

        await held.ReleaseAsync(all);
        Assert.All(await all, run => Assert.Equal(0, run.ExitCode));
        await WaitForAsync("repr_farm_queue_time_seconds", 0);

        async Task WaitForAsync(string name, double value)
        {
            while (await ValueOfAsync(name) != value)
            {
                await Task.Delay(50, Cancellation);
            }
        }

        async Task<double> ValueOfAsync(string name)
        {
            string metrics = await client.GetStringAsync($"http://127.0.0.1:{port}/metrics", Cancellation);
            return double.Parse(
                Assert.Single(metrics.Split('\n'), line => line.StartsWith(name + "{", StringComparison.Ordinal)).Split("} ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
        }
    }
}
