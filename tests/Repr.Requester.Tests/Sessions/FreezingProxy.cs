using System.Net;
using System.Net.Sockets;

namespace Repr.Requester.Tests.Sessions;

/// <summary>
/// Passes bytes on between a requester and a worker until it freezes: then connections stay open, new ones are still accepted,
/// and nothing is answered, as the kernel does for a stopped process.
/// </summary>
internal sealed class FreezingProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Uri _target;
    private volatile bool _frozen;

    public FreezingProxy(Uri target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Endpoint => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public void Freeze() => _frozen = true;

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                TcpClient from = await _listener.AcceptTcpClientAsync(_end.Token);
                TcpClient to = new();
                await to.ConnectAsync(_target.Host, _target.Port, _end.Token);
                _ = CopyAsync(from.GetStream(), to.GetStream(), _end.Token);
                _ = CopyAsync(to.GetStream(), from.GetStream(), _end.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, CancellationToken end)
    {
        byte[] buffer = new byte[1 << 16];
        try
        {
            int read;
            while ((read = await from.ReadAsync(buffer, end)) > 0)
            {
                if (_frozen)
                {
                    await Task.Delay(Timeout.Infinite, end);
                }

                await to.WriteAsync(buffer.AsMemory(0, read), end);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One side is gone.
        }

        from.Dispose();
        to.Dispose();
    }
}
