using System.IO.Pipes;
using System.Net;
using System.Net.Sockets;
using System.Security.Principal;
using System.Text;

namespace Repr.Build;

/// <summary>Connects to the door: a Unix domain socket, or on Windows a named pipe of the same user.</summary>
internal static class DoorConnection
{
    /// <summary>Connects; null when nobody listens.</summary>
    /// <param name="door">Path of the door.</param>
    /// <exception cref="SocketException">It could not be reached for another reason.</exception>
    /// <exception cref="IOException">As above.</exception>
    /// <exception cref="UnauthorizedAccessException">The pipe is another user's.</exception>
    public static Stream? TryConnect(string door) => OperatingSystem.IsWindows() ? TryConnectPipe(door) : TryConnectSocket(door);

    [System.Runtime.Versioning.SupportedOSPlatform("windows")]
    private static NamedPipeClientStream? TryConnectPipe(string door)
    {
        NamedPipeClientStream pipe = new(".", DoorAddress.Pipe(door), PipeDirection.InOut, PipeOptions.Asynchronous);
        try
        {
            pipe.Connect(0);
            using WindowsIdentity user = WindowsIdentity.GetCurrent();
            return Equals(pipe.GetAccessControl().GetOwner(typeof(SecurityIdentifier)), user.Owner)
                ? pipe
                : throw new UnauthorizedAccessException($"the pipe '{DoorAddress.Pipe(door)}' is another user's");
        }
        catch (TimeoutException)
        {
            pipe.Dispose();
            return null;
        }
        catch
        {
            pipe.Dispose();
            throw;
        }
    }

    private static NetworkStream? TryConnectSocket(string door)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixEndPoint(door));
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException exception)
            when (exception.SocketErrorCode is SocketError.ConnectionRefused or SocketError.AddressNotAvailable or SocketError.SocketError
                || !File.Exists(door))
        {
            // Nobody listens: no socket, or one that a dead process left.
            socket.Dispose();
            return null;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // The base library's is not in the .NET Framework's.
    private sealed class UnixEndPoint(string path) : EndPoint
    {
        private const int FamilyBytes = 2;
        private const int MaximumBytes = 107; // sun_path of unix(7), without its end

        public override AddressFamily AddressFamily => AddressFamily.Unix;

        public override SocketAddress Serialize()
        {
            byte[] name = Encoding.UTF8.GetBytes(path);
            if (name.Length > MaximumBytes)
            {
                throw new IOException($"The name of its socket, '{path}', is too long; set REPR_RUNTIME_DIR to a shorter directory");
            }

            SocketAddress address = new(AddressFamily.Unix, FamilyBytes + name.Length + 1);
            for (int index = 0; index < name.Length; index++)
            {
                address[FamilyBytes + index] = name[index];
            }

            return address;
        }

        public override EndPoint Create(SocketAddress socketAddress) => this;
    }
}
