using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Repr.Testing;

/// <summary>
/// A relay on loopback that gives on what it gets after half a round trip, in both directions, as a long line does: bandwidth is not
/// limited. It needs nothing of the kernel and no rights. A connection is accepted at once, so that its handshake costs nothing. Disposing it closes all.
/// </summary>
public sealed class DelayLine : IAsyncDisposable
{
    // The timer's own steps are of a millisecond; the rest is waited for by looking at the clock.
    private static readonly TimeSpan s_timerStep = TimeSpan.FromMilliseconds(2);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly TimeSpan _oneWay;
    private readonly Uri _target;
    private readonly Task _accepting;

    /// <summary>Begins to listen.</summary>
    /// <param name="target">What is behind it.</param>
    /// <param name="roundTrip">The delay, there and back together.</param>
    public DelayLine(Uri target, TimeSpan roundTrip)
    {
        _target = target;
        _oneWay = roundTrip / 2;
        _listener.Start();
        Endpoint = new UriBuilder(target) { Host = "127.0.0.1", Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri.GetLeftPart(UriPartial.Authority);
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens, as in "http://127.0.0.1:1234".</summary>
    public string Endpoint { get; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _listener.Stop();
        await ((Task)Task.WhenAll([_accepting, .. _connections])).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _closing.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            _connections.Add(RelayAsync(await _listener.AcceptTcpClientAsync(_closing.Token)));
        }
    }

    private async Task RelayAsync(TcpClient near)
    {
        using TcpClient accepted = near;
        using TcpClient far = new();
        await far.ConnectAsync(_target.Host, _target.Port, _closing.Token);
        near.NoDelay = far.NoDelay = true;
        await Task.WhenAll(GiveOnAsync(near.Client, far.Client), GiveOnAsync(far.Client, near.Client));
    }

    private async Task GiveOnAsync(Socket from, Socket to)
    {
        Channel<(byte[] Buffer, int Length, DateTime Due)> line = Channel.CreateUnbounded<(byte[], int, DateTime)>(
            new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        Task sending = SendAsync(line.Reader, to);
        try
        {
            while (true)
            {
                byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
                int length = await from.ReceiveAsync(buffer, _closing.Token);
                if (length == 0)
                {
                    return;
                }

                line.Writer.TryWrite((buffer, length, DateTime.UtcNow + _oneWay));
            }
        }
        catch (SocketException)
        {
            // The other side is told the same way.
        }
        finally
        {
            line.Writer.Complete();
            await sending;
        }
    }

    private async Task SendAsync(ChannelReader<(byte[] Buffer, int Length, DateTime Due)> line, Socket to)
    {
        try
        {
            await foreach ((byte[] buffer, int length, DateTime due) in line.ReadAllAsync(_closing.Token))
            {
                if (due - DateTime.UtcNow - s_timerStep is { Ticks: > 0 } wait)
                {
                    await Task.Delay(wait, _closing.Token);
                }

                while (DateTime.UtcNow < due)
                {
                    await Task.Yield();
                }

                await to.SendAsync(buffer.AsMemory(0, length), _closing.Token);
                ArrayPool<byte>.Shared.Return(buffer);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            to.Close();
        }
    }
}
