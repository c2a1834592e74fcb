using System.Net.Sockets;
using Repr.Protocol.V1;

namespace Repr.Requester.Door;

/// <summary>Talks to a requester process that runs already.</summary>
public static class DoorClient
{
    /// <summary>Asks one thing.</summary>
    /// <returns>The first reply; null when no requester process runs.</returns>
    /// <exception cref="IOException">The connection broke.</exception>
    public static async Task<DoorReply?> AskAsync(string doorPath, DoorRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(doorPath), cancellationToken);
        }
        catch (SocketException)
        {
            return null;
        }

        request.DoorVersion = DoorServer.Version;
        request.ProductVersion = RequesterOptions.ProductVersion;
        await using NetworkStream stream = new(socket);
        await DelimitedMessages.WriteAsync(stream, request, cancellationToken);
        return await DelimitedMessages.ReadAsync(stream, DoorReply.Parser, cancellationToken);
    }
}
