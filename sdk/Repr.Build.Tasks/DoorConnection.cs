using System.IO.Pipes;
using System.Net;
using System.Net.Sockets;
using System.Security.Principal;
using System.Text;
using Google.Protobuf;
using Repr.Protocol.V1;

namespace Repr.Build;

/// <summary>
/// A connection to the door: a Unix domain socket, or on Windows a named pipe of the same user. Used by one thread at a time; another one may dispose it,
/// which ends what that one waits for.
/// </summary>
internal sealed class DoorConnection : IDisposable
{
    private const int BufferBytes = 1 << 14;
    private const int UsualRunBytes = 1 << 16;

    private readonly Stream _stream;
    private readonly Socket? _socket;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly CancellationTokenSource _disposing = new();
    private int _start;
    private int _end;
    private Task<int>? _reading; // of a pipe, which can't be asked whether there is something

    private DoorConnection(Stream stream, Socket? socket)
    {
        _stream = stream;
        _socket = socket;
    }

    /// <summary>Connects; null when nobody listens.</summary>
    /// <param name="door">Path of the door.</param>
    /// <exception cref="SocketException">It could not be reached for another reason.</exception>
    /// <exception cref="IOException">As above.</exception>
    /// <exception cref="UnauthorizedAccessException">The pipe is another user's.</exception>
    public static DoorConnection? TryConnect(string door) => OperatingSystem.IsWindows() ? TryConnectPipe(door) : TryConnectSocket(door);

    /// <summary>Whether another request can follow an answered one. Not on a pipe, of which nobody says whether its other end is still there.</summary>
    public bool CanBeKept => _socket is not null;

    /// <summary>Of one that can be kept: whether its other end waits for a request.</summary>
    public bool IsIdle => _start == _end && !_socket!.Poll(0, SelectMode.SelectRead);

    /// <summary>Sends a request: a varint with its length, then the message.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public void Send(DoorRequest request)
    {
        using MemoryStream message = new(request.Run is null ? 0 : UsualRunBytes);
        request.WriteDelimitedTo(message);
        _stream.Write(message.GetBuffer(), 0, (int)message.Length);
    }

    /// <summary>Waits for the beginning of a reply, or the end of the connection. False: nothing has come in that time.</summary>
    public bool WaitForReply(TimeSpan patience)
    {
        if (_start < _end)
        {
            return true;
        }

        int milliseconds = Math.Max(0, (int)patience.TotalMilliseconds);
        return _socket is null ? Task.WaitAny([BeginRead()], milliseconds) == 0 : _socket.Poll(milliseconds * 1000, SelectMode.SelectRead);
    }

    /// <summary>Waits for a reply.</summary>
    /// <exception cref="IOException">The connection ended.</exception>
    /// <exception cref="InvalidProtocolBufferException">What came is no reply.</exception>
    public DoorReply Receive()
    {
        uint length = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            Fill();
            byte next = _buffer[_start++];
            length |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                break;
            }
        }

        byte[] message = new byte[length];
        for (int done = 0; done < message.Length;)
        {
            Fill();
            int count = Math.Min(message.Length - done, _end - _start);
            Array.Copy(_buffer, _start, message, done, count);
            _start += count;
            done += count;
        }

        return DoorReply.Parser.ParseFrom(message);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposing.Cancel();
        _stream.Dispose();
    }

    // Ended by the token: that closing a pipe ends what reads it is nowhere promised.
    private Task<int> BeginRead() => _reading ??= _stream.ReadAsync(_buffer, 0, _buffer.Length, _disposing.Token);

    private void Fill()
    {
        if (_start < _end)
        {
            return;
        }

        _start = 0;
        _end = _socket is null ? BeginRead().GetAwaiter().GetResult() : _stream.Read(_buffer, 0, _buffer.Length);
        _reading = null;
        if (_end == 0)
        {
            throw new EndOfStreamException("it closed the connection");
        }
    }

    [System.Runtime.Versioning.SupportedOSPlatform("windows")]
    private static DoorConnection? TryConnectPipe(string door)
    {
        NamedPipeClientStream pipe = new(".", DoorAddress.Pipe(door), PipeDirection.InOut, PipeOptions.Asynchronous);
        try
        {
            pipe.Connect(0);
            using WindowsIdentity user = WindowsIdentity.GetCurrent();
            return Equals(pipe.GetAccessControl().GetOwner(typeof(SecurityIdentifier)), user.Owner)
                ? new DoorConnection(pipe, null)
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

    private static DoorConnection? TryConnectSocket(string door)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixEndPoint(door));
            return new DoorConnection(new NetworkStream(socket, ownsSocket: true), socket);
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
