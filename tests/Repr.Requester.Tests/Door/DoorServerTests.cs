using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Protocol.V1;
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

    private sealed class StatusService : IDoorService
    {
        public StatusReply GetStatus() => new() { Running = 7 };

        public Task<DoorReply> RunAsync(
            Run run, Func<DoorText, ValueTask> text, ChannelReader<ToolInput> input, Action<IDisposable> held, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<RefreshReply> RefreshAsync(IReadOnlyList<string> files, CancellationToken cancellationToken) => throw new NotSupportedException();

        public void Shutdown(bool force) => throw new NotSupportedException();
    }
}
