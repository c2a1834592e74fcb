using System.Net.Sockets;
using Repr.Protocol.V1;
using Repr.Requester.Door;

namespace Repr.Requester.Tests.Door;

public sealed class RequesterProcessTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    private RequesterOptions Options => new() { DoorPath = _files.At("run/door.sock"), CacheDirectory = _files.At("cache") };

    [Fact]
    public async Task It_serves_its_user_alone_and_stops_when_asked()
    {
        Task<int> running = RequesterProcess.RunAsync(Options, RequesterStores.None, TestContext.Current.CancellationToken);

        StatusReply status = await StatusAsync();
        UnixFileMode socket = File.GetUnixFileMode(Options.DoorPath);
        UnixFileMode directory = File.GetUnixFileMode(_files.At("run"));
        DoorReply? bye = await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest() });

        Assert.Equal(Environment.ProcessId, status.ProcessId);
        Assert.Equal((UnixFileMode)0x180, socket);
        Assert.Equal((UnixFileMode)0x1C0, directory);
        Assert.NotNull(bye?.Shutdown);
        Assert.Equal(0, await running);
        Assert.False(File.Exists(Options.DoorPath));
    }

    [Fact]
    public async Task It_stops_when_nobody_needs_it()
    {
        int result = await RequesterProcess.RunAsync(
            Options with { IdleTimeout = TimeSpan.FromMilliseconds(10) }, RequesterStores.None, TestContext.Current.CancellationToken);

        Assert.Equal(0, result);
        Assert.False(File.Exists(Options.DoorPath));
    }

    [Fact]
    public async Task A_second_one_for_the_same_door_leaves_at_once()
    {
        Task<int> first = RequesterProcess.RunAsync(Options, RequesterStores.None, TestContext.Current.CancellationToken);
        await StatusAsync();

        Assert.Equal(0, await RequesterProcess.RunAsync(Options, RequesterStores.None, TestContext.Current.CancellationToken));
        Assert.NotNull((await AskAsync(new DoorRequest { Status = new StatusRequest() }))?.Status);
        await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest { Force = true } });
        await first;
    }

    [Fact]
    public async Task Wrong_settings_are_told_to_every_action_and_a_changed_file_ends_an_idle_process()
    {
        string path = _files.At("requester.json");
        await File.WriteAllTextAsync(path, """{ "Shops": [] , "Nothing": 1 }""", TestContext.Current.CancellationToken);
        RequesterPlugins plugins = Select(path);
        Task<int> running = RequesterProcess.RunAsync(Options with { Plugins = plugins }, RequesterStores.None, TestContext.Current.CancellationToken);
        await StatusAsync();

        DoorReply? reply = await AskAsync(new DoorRequest { Run = new Run() });

        Assert.Equal("REPR1302", reply?.NotRun?.Code);
        Assert.Contains(path, reply!.NotRun.Message, StringComparison.Ordinal);
        Assert.Contains("Shops: there is no such section.", reply.NotRun.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing: there is no such section.", reply.NotRun.Message, StringComparison.Ordinal);
        Assert.False(running.IsCompleted);
        await File.WriteAllTextAsync(path, "{}", TestContext.Current.CancellationToken);
        Assert.Equal(0, await running);
        Assert.Empty(Select(path).Problems);
    }

    private static RequesterPlugins Select(string path)
    {
        Environment.SetEnvironmentVariable("REPR_CONFIG", path);
        try
        {
            return RequesterPlugins.Select();
        }
        finally
        {
            Environment.SetEnvironmentVariable("REPR_CONFIG", null);
        }
    }

    [Fact]
    public async Task A_runtime_directory_that_others_can_enter_is_refused()
    {
        Directory.CreateDirectory(_files.At("run"), (UnixFileMode)0x1ED);

        IOException refusal =
            await Assert.ThrowsAsync<IOException>(() => RequesterProcess.RunAsync(Options, RequesterStores.None, TestContext.Current.CancellationToken));

        Assert.Contains(_files.At("run"), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_closes_its_connection_cancels_its_action()
    {
        await using TestWorker worker = await TestWorker.StartAsync();
        TaskCompletionSource started = new();
        TaskCompletionSource cancelled = new();
        worker.RunTool = async (_, cancellationToken) =>
        {
            cancellationToken.Register(cancelled.SetResult);
            started.SetResult();
            await cancelled.Task;
            return new Completed { Failure = new Failure { Code = FailureCode.Cancelled } };
        };
        Task<int> running = RequesterProcess.RunAsync(Options, RequesterStores.None, TestContext.Current.CancellationToken);
        await StatusAsync();

        using (Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Options.DoorPath), TestContext.Current.CancellationToken);
            await using NetworkStream stream = new(socket);
            Run run = new() { Endpoint = worker.Endpoint.ToString(), Command = new Protocol.V1.Command { WorkingDirectory = "/" } };
            run.Command.Arguments.Add("/bin/sh");
            await DelimitedMessages.WriteAsync(
                stream, new DoorRequest { DoorVersion = 1, Run = run }, TestContext.Current.CancellationToken);
            await started.Task.WaitAsync(TestContext.Current.CancellationToken);
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest() });
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_forced_shutdown_gives_running_actions_back()
    {
        await using TestWorker worker = await TestWorker.StartAsync();
        TaskCompletionSource started = new();
        worker.RunTool = async (_, cancellationToken) =>
        {
            started.SetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return new Completed();
        };
        Task<int> running = RequesterProcess.RunAsync(Options, RequesterStores.None, TestContext.Current.CancellationToken);
        await StatusAsync();
        Run run = new() { Endpoint = worker.Endpoint.ToString(), Command = new Protocol.V1.Command { WorkingDirectory = "/" } };
        run.Command.Arguments.Add("/bin/sh");

        Task<DoorReply?> action = AskAsync(new DoorRequest { Run = run });
        await started.Task.WaitAsync(TestContext.Current.CancellationToken);
        await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest { Force = true } });

        Assert.Equal("REPR1301", (await action)?.NotRun.Code);
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_client_of_another_door_version_is_told_so()
    {
        Task<int> running = RequesterProcess.RunAsync(Options, RequesterStores.None, TestContext.Current.CancellationToken);
        await StatusAsync();
        using (Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Options.DoorPath), TestContext.Current.CancellationToken);
            await using NetworkStream stream = new(socket);
            await DelimitedMessages.WriteAsync(stream, new DoorRequest { DoorVersion = 99 }, TestContext.Current.CancellationToken);

            DoorReply? reply = await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, TestContext.Current.CancellationToken);

            Assert.Equal(1u, reply?.WrongVersion.DoorVersion);
        }

        await AskAsync(new DoorRequest { Shutdown = new ShutdownRequest() });
        await running;
    }

    private async Task<StatusReply> StatusAsync()
    {
        while (true)
        {
            if (await AskAsync(new DoorRequest { Status = new StatusRequest() }) is { Status: { } status })
            {
                return status;
            }

            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    private Task<DoorReply?> AskAsync(DoorRequest request) =>
        DoorClient.AskAsync(Options.DoorPath, request, TestContext.Current.CancellationToken);
}
