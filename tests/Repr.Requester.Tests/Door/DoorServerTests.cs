using System.Net.Sockets;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Protocol.V1;
using Repr.Requester.Actions;
using Repr.Requester.Door;

namespace Repr.Requester.Tests.Door;

public sealed class DoorServerTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Who_is_at_the_door_when_it_is_closed_gets_an_answer()
    {
        string path = _files.At("run/door.sock");
        await using DoorServer server = new(path, new StatusService(), NullLogger.Instance); // not started: nobody is let in before it closes
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), Cancellation);
        await using NetworkStream stream = new(socket);

        server.Close();
        await DelimitedMessages.WriteAsync(stream, new DoorRequest { DoorVersion = DoorServer.Version, Status = new StatusRequest() }, Cancellation);
        DoorReply? reply = await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation);

        Assert.Equal(7u, reply?.Status?.Running);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Requests_follow_each_other_on_a_connection_that_is_kept_open_until_the_door_closes()
    {
        await using DoorServer server = new(_files.At("run/door.sock"), new StatusService(), NullLogger.Instance);
        server.Start();
        await using NetworkStream stream = await ConnectAsync();

        for (int count = 0; count < 3; count++)
        {
            await DelimitedMessages.WriteAsync(stream, Kept(new() { Status = new StatusRequest() }), Cancellation);
            Assert.Equal(7u, (await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation))?.Status?.Running);
        }

        server.Close();
        await server.DrainAsync().WaitAsync(Cancellation);
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Cancellation));
    }

    [Fact]
    public async Task What_is_under_way_on_a_kept_connection_when_the_door_closes_is_answered()
    {
        StatusService service = new();
        await using DoorServer server = new(_files.At("run/door.sock"), service, NullLogger.Instance);
        server.Start();
        await using NetworkStream stream = await ConnectAsync();
        await DelimitedMessages.WriteAsync(stream, Kept(new() { Run = new Run { LiveText = true } }), Cancellation);
        await service.Entered.Task.WaitAsync(Cancellation);
        Assert.Equal("live", (await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation))?.Text?.Data.ToStringUtf8());

        server.Close();
        service.End.SetResult();

        Assert.Equal(5, (await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation))?.Done?.Code);
        await server.DrainAsync().WaitAsync(Cancellation);
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Cancellation));
    }

    [Fact]
    public async Task The_last_request_of_a_kept_connection_ends_it()
    {
        await using DoorServer server = new(_files.At("run/door.sock"), new StatusService(), NullLogger.Instance);
        server.Start();
        await using NetworkStream stream = await ConnectAsync();
        await DelimitedMessages.WriteAsync(stream, Kept(new() { Status = new StatusRequest() }), Cancellation);
        await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation);

        await DelimitedMessages.WriteAsync(stream, new DoorRequest { DoorVersion = DoorServer.Version, Status = new StatusRequest() }, Cancellation);

        Assert.Equal(7u, (await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation))?.Status?.Running);
        Assert.Null(await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation));
    }

    [Fact]
    public async Task A_client_that_goes_cancels_what_it_asked_for_on_a_kept_connection()
    {
        StatusService service = new();
        await using DoorServer server = new(_files.At("run/door.sock"), service, NullLogger.Instance);
        server.Start();
        NetworkStream stream = await ConnectAsync();
        await DelimitedMessages.WriteAsync(stream, Kept(new() { Run = new Run() }), Cancellation);
        await service.Entered.Task.WaitAsync(Cancellation);

        await stream.DisposeAsync();

        await service.Cancelled.Task.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task What_is_announced_is_there_for_the_run_that_follows_and_dropped_after_it()
    {
        StatusService service = new();
        await using DoorServer server = new(_files.At("run/door.sock"), service, NullLogger.Instance);
        server.Start();
        await using NetworkStream stream = await ConnectAsync();
        service.End.SetResult();

        await DelimitedMessages.WriteAsync(stream, [Announcement("one"), Announcement("two"), Kept(new() { Run = new Run() })], Cancellation);

        await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation); // text
        Assert.Equal(5, (await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation))?.Done?.Code);
        Assert.Equal(["one", "two"], service.Announced.Select(static announced => announced.Key));
        Assert.Same(service.Announced[1].Run, service.Came);
        await service.Announced[0].Dropped.Task.WaitAsync(Cancellation);
        await service.Announced[1].Dropped.Task.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task Something_else_may_follow_an_announcement()
    {
        StatusService service = new();
        await using DoorServer server = new(_files.At("run/door.sock"), service, NullLogger.Instance);
        server.Start();
        await using NetworkStream stream = await ConnectAsync();

        await DelimitedMessages.WriteAsync(stream, [Announcement("one"), Kept(new() { Status = new StatusRequest() })], Cancellation);

        Assert.Equal(7u, (await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation))?.Status?.Running);
        await service.Announced[0].Dropped.Task.WaitAsync(Cancellation);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_announced_is_dropped_when_nobody_will_ask_for_it(bool closes)
    {
        StatusService service = new();
        await using DoorServer server = new(_files.At("run/door.sock"), service, NullLogger.Instance);
        server.Start();
        NetworkStream stream = await ConnectAsync();
        await DelimitedMessages.WriteAsync(stream, Kept(new() { Status = new StatusRequest() }), Cancellation);
        await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, Cancellation);
        await DelimitedMessages.WriteAsync(stream, Announcement("one"), Cancellation);
        while (service.Announced.Count == 0)
        {
            await Task.Delay(5, Cancellation);
        }

        if (closes)
        {
            server.Close();
        }
        else
        {
            await stream.DisposeAsync();
        }

        await service.Announced[0].Dropped.Task.WaitAsync(Cancellation);
        await server.DisposeAsync();
        await stream.DisposeAsync();
    }

    private static DoorRequest Announcement(string key) => Kept(new() { Announcement = new Announcement { PredictionKey = key } });

    private static DoorRequest Kept(DoorRequest request)
    {
        request.DoorVersion = DoorServer.Version;
        request.KeepOpen = true;
        return request;
    }

    private async Task<NetworkStream> ConnectAsync()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_files.At("run/door.sock")), Cancellation);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private sealed class StatusService : IDoorService
    {
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<(string Key, AnnouncedRun Run, TaskCompletionSource Dropped)> Announced { get; } = [];

        public AnnouncedRun? Came { get; private set; }

        public AnnouncedRun Announce(string predictionKey)
        {
            TaskCompletionSource dropped = new(TaskCreationOptions.RunContinuationsAsynchronously);
            AnnouncedRun run = new(predictionKey, async cancellationToken =>
            {
                await using CancellationTokenRegistration drop = cancellationToken.Register(dropped.SetResult);
                await dropped.Task;
                return null;
            });
            Announced.Add((predictionKey, run, dropped));
            return run;
        }

        public StatusReply GetStatus() => new() { Running = 7 };

        public async Task<DoorReply> RunAsync(
            Run run, AnnouncedRun? announced, Func<DoorText, ValueTask> text, ChannelReader<ToolInput> input, Action<IDisposable> held, CancellationToken cancellationToken)
        {
            Came = announced;
            await text(new DoorText { Data = ByteString.CopyFromUtf8("live") });
            Entered.SetResult();
            try
            {
                await End.Task.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                Cancelled.SetResult();
            }

            return new DoorReply { Done = new Done { Code = 5 } };
        }

        public Task<RefreshReply> RefreshAsync(IReadOnlyList<string> files, CancellationToken cancellationToken) => throw new NotSupportedException();

        public void Shutdown(bool force) => throw new NotSupportedException();
    }
}
