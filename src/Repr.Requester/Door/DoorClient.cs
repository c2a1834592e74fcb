using System.IO.Pipes;
using System.Net.Sockets;
using Repr.Protocol.V1;

namespace Repr.Requester.Door;

/// <summary>Talks to a requester process that runs already.</summary>
public static class DoorClient
{
    private static readonly TimeSpan s_fullDelay = TimeSpan.FromMilliseconds(5);

    /// <summary>Asks one thing.</summary>
    /// <returns>The first reply; null when no requester process runs.</returns>
    /// <exception cref="IOException">The connection broke.</exception>
    public static async Task<DoorReply?> AskAsync(string doorPath, DoorRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        await using Stream? stream = await TryConnectAsync(doorPath, cancellationToken);
        if (stream is null)
        {
            return null;
        }

        await SendAsync(stream, request, cancellationToken);
        return await ReadAsync(stream, cancellationToken);
    }

    /// <summary>Connects to the door.</summary>
    /// <returns>The connection; null when nobody serves it.</returns>
    /// <exception cref="IOException">Somebody else's process serves it.</exception>
    public static async Task<Stream?> TryConnectAsync(string doorPath, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows())
        {
            NamedPipeClientStream pipe = new(
                ".", DoorPaths.PipeOf(doorPath), PipeDirection.InOut, PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly);
            try
            {
                await pipe.ConnectAsync(0, cancellationToken);
                return pipe;
            }
            catch (TimeoutException)
            {
                await pipe.DisposeAsync();
                return null;
            }
            catch (UnauthorizedAccessException exception)
            {
                await pipe.DisposeAsync();
                throw new IOException($"the door '{doorPath}' is not this user's", exception);
            }
            catch
            {
                await pipe.DisposeAsync();
                throw;
            }
        }

        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            while (true)
            {
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(doorPath), cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
                {
                    await Task.Delay(s_fullDelay, cancellationToken); // unix(7): EAGAIN says that many wait already
                }
            }
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request, which is the first message on a connection.</summary>
    public static Task SendAsync(Stream stream, DoorRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.DoorVersion = DoorServer.Version;
        request.ProductVersion = RequesterOptions.ProductVersion;
        return DelimitedMessages.WriteAsync(stream, request, cancellationToken);
    }

    /// <summary>Sends input for the tool of a run.</summary>
    public static Task SendAsync(Stream stream, Protocol.V1.ToolInput input, CancellationToken cancellationToken) =>
        DelimitedMessages.WriteAsync(stream, input, cancellationToken);

    /// <summary>Reads a reply; null when the requester process has ended the connection.</summary>
    /// <exception cref="InvalidDataException">It is malformed.</exception>
    public static Task<DoorReply?> ReadAsync(Stream stream, CancellationToken cancellationToken) =>
        DelimitedMessages.ReadAsync(stream, DoorReply.Parser, cancellationToken);
}
