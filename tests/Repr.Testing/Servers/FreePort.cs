using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Repr.Testing.Servers;

/// <summary>
/// Ports of loopback for servers that must be told theirs. None is given out twice by a process, and none is among those that Linux gives to whoever
/// names none (ip_local_port_range begins at 32768): such a one could be anybody's by the time the server listens. Safe for concurrent use.
/// </summary>
public static class FreePort
{
    private const int First = 20000;
    private const int End = 32700; // radosgw.sh has some more after its own

    private static readonly ConcurrentDictionary<int, bool> s_taken = new();

    /// <summary>A port on which nobody listens.</summary>
    public static int Take()
    {
        while (true)
        {
            int port = Random.Shared.Next(First, End);
            if (!s_taken.TryAdd(port, true))
            {
                continue;
            }

            try
            {
                using TcpListener listener = new(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody's; it is not tried again.
            }
        }
    }
}
