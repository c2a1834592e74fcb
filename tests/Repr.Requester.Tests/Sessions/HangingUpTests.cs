using System.Net;
using System.Net.Sockets;
using Repr.Requester.Actions;
using Repr.Requester.Farm;
using Repr.Requester.Sessions;

namespace Repr.Requester.Tests.Sessions;

/// <summary>Workers that are killed just as they are called: wherever in the call that falls, they cannot be reached, and the requester has no defect.</summary>
public sealed class HangingUpTests : IAsyncLifetime
{
    private const int Attempts = 200;

    private RequesterFixture _requester = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task A_session_with_a_worker_that_hangs_up_cannot_be_opened() =>
        await TryAsync(endpoint => WorkerSession.OpenAsync(
            endpoint, _requester.Options, _requester.Digests, kept: null, shared: null, static _ => throw new InvalidOperationException("It has no name."), Cancellation));

    [Fact]
    public async Task A_stream_of_leases_with_a_worker_that_hangs_up_cannot_be_opened() =>
        await TryAsync(endpoint => FarmStream.OpenAsync(endpoint, _requester.Options, [], static _ => { }, static _ => { }, Cancellation));

    private static async Task TryAsync(Func<Uri, Task> open)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Uri endpoint = new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        Task hangingUp = HangUpAsync(listener);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            ActionFailureException failure = await Assert.ThrowsAsync<ActionFailureException>(() => open(endpoint));
            Assert.Equal(MessageCodes.WorkerUnreachable, failure.MessageCode);
        }

        listener.Stop();
        await hangingUp;
    }

    // After more and more of what it is told, at the latest when nothing more comes, with an answer to the connection's preface or without one.
    private static async Task HangUpAsync(TcpListener listener)
    {
        byte[] empty = [0, 0, 0, 4, 0, 0, 0, 0, 0]; // a SETTINGS frame without settings (RFC 9113, 6.5)
        byte[] told = new byte[4096];
        try
        {
            for (int connection = 0; ; connection++)
            {
                using Socket socket = await listener.AcceptSocketAsync();
                if (connection % 4 > 0)
                {
                    await socket.SendAsync(empty);
                }

                for (int read = 0; read < connection % 50 * 10 && socket.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead);)
                {
                    read += await socket.ReceiveAsync(told.AsMemory(0, 10)) is > 0 and int last ? last : told.Length;
                }

                if (connection % 2 > 0)
                {
                    socket.LingerState = new LingerOption(true, 0);
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
