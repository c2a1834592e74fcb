using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Repr.Requester.Actions;
using Repr.Requester.Farm;
using Repr.Requester.Sessions;

namespace Repr.Requester.Tests.Sessions;

/// <summary>
/// Workers that are killed just as they are called: wherever in the call that falls, they cannot be reached, and the requester has no defect. And such that refuse before
/// they have read a word: that is what is said, also when it comes in the middle of the greeting.
/// </summary>
public sealed class HangingUpTests : IAsyncLifetime
{
    private const int Attempts = 200;

    private RequesterFixture _requester = null!;

    // The time for an answer does not decide.
    private RequesterOptions Options => _requester.Options with { ConnectTimeout = TimeSpan.FromMinutes(1) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task A_session_with_a_worker_that_hangs_up_cannot_be_opened() => await BeHungUpOnAsync(OpenSessionAsync);

    [Fact]
    public async Task A_stream_of_leases_with_a_worker_that_hangs_up_cannot_be_opened() => await BeHungUpOnAsync(OpenLeasesAsync);

    [Fact]
    public async Task A_worker_that_does_not_know_the_requester_says_so() =>
        await BeRefusedAsync(StatusCode.Unauthenticated, OpenSessionAsync, MessageCodes.RequesterNotKnown);

    [Fact]
    public async Task A_worker_that_is_no_part_of_a_farm_says_so() => await BeRefusedAsync(StatusCode.Unimplemented, OpenLeasesAsync, MessageCodes.NoFarm);

    private Task OpenSessionAsync(Uri endpoint) => WorkerSession.OpenAsync(
        endpoint, Options, _requester.Digests, kept: null, shared: null, static _ => throw new InvalidOperationException("It has no name."), Cancellation);

    private Task OpenLeasesAsync(Uri endpoint) => FarmStream.OpenAsync(endpoint, Options, [], static _ => { }, static _ => { }, Cancellation);

    private async Task BeRefusedAsync(StatusCode status, Func<Uri, Task> open, string code)
    {
        _requester.Worker.Refusal = status;

        // No processor is free: an answer then overtakes the thread that still writes the greeting.
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Thread[] busy = [.. Enumerable.Range(0, Environment.ProcessorCount + 1).Select(_ => new Thread(() =>
        {
            while (!over.IsCancellationRequested)
            {
            }
        }))];
        Array.ForEach(busy, static thread => thread.Start());
        try
        {
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                ActionFailureException failure = await Assert.ThrowsAsync<ActionFailureException>(() => open(_requester.Worker.Endpoint));
                Assert.True(failure.MessageCode == code, failure.ToString());
            }
        }
        finally
        {
            await over.CancelAsync();
            Array.ForEach(busy, static thread => thread.Join());
        }
    }

    private static async Task BeHungUpOnAsync(Func<Uri, Task> open)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Uri endpoint = new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        Task hangingUp = HangUpAsync(listener);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            ActionFailureException failure = await Assert.ThrowsAsync<ActionFailureException>(() => open(endpoint));
            Assert.Equal(MessageCodes.WorkerUnreachable, failure.MessageCode);
            Assert.DoesNotContain("did not answer", failure.Message, StringComparison.Ordinal);
        }

        listener.Stop();
        await hangingUp;
    }

    // After more and more of what it is told, at the latest when nothing more comes, with an answer to the connection's preface or without one.
    private static async Task HangUpAsync(TcpListener listener)
    {
        for (int connection = 0; ; connection++)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptSocketAsync();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or InvalidOperationException) // stopped while it accepts, or before
            {
                return; // the test is over
            }

            using (socket)
            {
                try
                {
                    await ListenForAWhileAsync(socket, connection % 50 * 10, answers: connection % 4 > 0);
                }
                catch (SocketException)
                {
                    continue; // the requester was the first to hang up
                }

                if (connection % 2 > 0)
                {
                    socket.LingerState = new LingerOption(true, 0); // a reset
                }
            }
        }
    }

    private static async Task ListenForAWhileAsync(Socket socket, int bytes, bool answers)
    {
        if (answers)
        {
            await socket.SendAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 }); // a SETTINGS frame without settings (RFC 9113, 6.5)
        }

        byte[] told = new byte[10];
        for (int read = 0, last = 1; read < bytes && last > 0 && socket.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead); read += last)
        {
            last = await socket.ReceiveAsync(told);
        }
    }
}
