using System.Net;
using System.Net.Sockets;
using Repr.Server.Tests.Sessions;
using Repr.Testing.Servers;

namespace Repr.Server.Tests;

public sealed class WorkerTests
{
    private const string Variable = "Kestrel__Endpoints__Other__Url";

    [Fact]
    public async Task The_environment_opens_no_address_beside_the_one_in_the_options()
    {
        int port = FreePort.Take();
        Environment.SetEnvironmentVariable(Variable, $"http://127.0.0.1:{port}");
        string directory = Directory.CreateTempSubdirectory("repr-worker-").FullName;
        string portFile = Path.Combine(directory, "port");
        using CancellationTokenSource stopped = new();
        using StringWriter error = new();
        try
        {
            Task<int> worker = Worker.RunAsync(
                new WorkerOptions { Listen = "http://127.0.0.1:0", Data = Path.Combine(directory, "data"), PortFile = portFile },
                TextWriter.Null,
                error,
                stopped.Token);
            while (!File.Exists(portFile) && !worker.IsCompleted)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }

            Assert.SkipWhen(worker.IsCompleted, error.ToString());
            using TcpClient client = new();
            SocketException refused = await Assert.ThrowsAsync<SocketException>(
                async () => await client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken));
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);

            await stopped.CancelAsync();
            Assert.Equal(0, await worker);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_worker_with_an_open_session_stops_in_order()
    {
        string directory = Directory.CreateTempSubdirectory("repr-worker-").FullName;
        WorkerOptions options = new()
        {
            Listen = "http://127.0.0.1:0",
            Data = Path.Combine(directory, "data"),
            PortFile = Path.Combine(directory, "port"),
        };
        using CancellationTokenSource stopped = new();
        using StringWriter error = new();
        Task<int> worker = Worker.RunAsync(options, TextWriter.Null, error, stopped.Token);
        while (!File.Exists(options.PortFile) && !worker.IsCompleted)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.SkipWhen(worker.IsCompleted, error.ToString());
        string address = await File.ReadAllTextAsync(options.PortFile, TestContext.Current.CancellationToken);
        await using TestRequester requester = await TestRequester.ConnectAsync(address);
        _ = requester.ExecuteAsync(TestRequester.Shell(1, "sleep 1000"));

        await stopped.CancelAsync();

        // The host would wait 30 s for a session that does not end by itself.
        Assert.Equal(0, await worker.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.True(File.Exists(Path.Combine(options.Data, "cas", "clean")));
        Directory.Delete(directory, recursive: true);
    }
}
