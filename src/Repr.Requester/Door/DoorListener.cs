using System.Buffers.Binary;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Repr.Requester.Files;

namespace Repr.Requester.Door;

/// <summary>One client at the door.</summary>
/// <param name="stream">What it sends and gets.</param>
internal abstract class DoorConnection(Stream stream) : IAsyncDisposable
{
    /// <summary>What the client sends and gets.</summary>
    public Stream Stream => stream;

    /// <summary>Whether the system says that it is of this process's user.</summary>
    public abstract bool IsOwnUser { get; }

    /// <summary>Whether it has gone, without reading from it.</summary>
    public abstract bool HasHungUp { get; }

    /// <summary>Nothing is sent any more; what was sent arrives, and reads end.</summary>
    public abstract void End();

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync() => stream.DisposeAsync();
}

/// <summary>
/// Where the door's clients come in, open to this user alone: on Linux a Unix domain socket (0600, in a 0700 directory, and the kernel's
/// word for who connects), on Windows a named pipe with an access list of one entry.
/// </summary>
internal abstract class DoorListener : IDisposable
{
    /// <summary>Opens the door.</summary>
    /// <param name="path">Path of the door; on Windows the pipe has its name from it.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static DoorListener Open(string path) => OperatingSystem.IsWindows() ? new PipeListener(path) : new SocketListener(path);

    /// <summary>Waits for a client.</summary>
    /// <exception cref="IOException">One could not be let in; another may.</exception>
    /// <exception cref="ObjectDisposedException">The door is closed; so may be <see cref="OperationCanceledException"/>.</exception>
    public abstract Task<DoorConnection> AcceptAsync(CancellationToken cancellationToken);

    /// <summary>Removes the door, so that nobody comes any more. To be called when nobody waits for a client, before it is disposed.</summary>
    /// <returns>Who has come and was not let in yet.</returns>
    public abstract IReadOnlyList<DoorConnection> Remove();

    /// <summary>Closes the door; connections stay.</summary>
    public abstract void Dispose();

    private sealed class SocketListener : DoorListener
    {
        private const int Backlog = 512;

        private readonly string _path;
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        public SocketListener(string path)
        {
            _path = path;
            File.Delete(path); // A leftover: the lock beside it says that nobody serves it.
            try
            {
                _listener.Bind(new UnixDomainSocketEndPoint(path));
                if (!OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                }

                _listener.Listen(Backlog);
            }
            catch (Exception exception) when (exception is SocketException or ArgumentOutOfRangeException)
            {
                _listener.Dispose();
                throw new IOException($"The door '{path}' could not be opened: {exception.Message}", exception);
            }
        }

        public override async Task<DoorConnection> AcceptAsync(CancellationToken cancellationToken)
        {
            try
            {
                return new SocketConnection(await _listener.AcceptAsync(cancellationToken));
            }
            catch (SocketException exception)
            {
                throw new IOException(exception.Message, exception);
            }
        }

        public override IReadOnlyList<DoorConnection> Remove()
        {
            File.Delete(_path);
            List<DoorConnection> late = [];
            try
            {
                while (_listener.Poll(TimeSpan.Zero, SelectMode.SelectRead))
                {
                    late.Add(new SocketConnection(_listener.Accept()));
                }
            }
            catch (SocketException)
            {
                // No more descriptors: who is left is told by the end of the connection.
            }

            return late;
        }

        public override void Dispose() => _listener.Dispose();
    }

    private sealed class SocketConnection(Socket socket) : DoorConnection(new NetworkStream(socket, ownsSocket: true))
    {
        private const int SocketLevel = 1; // SOL_SOCKET
        private const int PeerCredentials = 17; // SO_PEERCRED

        public override bool IsOwnUser
        {
            get
            {
                Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid
                return socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) == credentials.Length
                    && BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]) == LinuxNative.GetUserId();
            }
        }

        public override bool HasHungUp => LinuxNative.HasHungUp(socket.SafeHandle);

        public override void End() => socket.Shutdown(SocketShutdown.Both);
    }

    [SupportedOSPlatform("windows")]
    private sealed class PipeListener : DoorListener
    {
        // A client that finds no free instance waits for one; it does not take that for a door that is closed.
        private const int WaitingInstances = 16;
        private const int BufferBytes = 1 << 16;

        private readonly string _name;
        private readonly Lock _lock = new();
        private readonly List<Task<NamedPipeServerStream>> _waiting = [];
        private readonly CancellationTokenSource _closing = new();

        public PipeListener(string path)
        {
            _name = DoorPaths.PipeOf(path);
            try
            {
                for (int count = 0; count < WaitingInstances; count++)
                {
                    // The first one must be the first of that name: else somebody else has the others.
                    Add(count == 0 ? PipeOptions.FirstPipeInstance : PipeOptions.None);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Dispose();
                throw new IOException($"The door '{_name}' could not be opened: {exception.Message}", exception);
            }
        }

        public override async Task<DoorConnection> AcceptAsync(CancellationToken cancellationToken)
        {
            ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
            Task<NamedPipeServerStream>[] waiting;
            lock (_lock)
            {
                waiting = [.. _waiting];
            }

            Task<NamedPipeServerStream> first = await Task.WhenAny(waiting).WaitAsync(cancellationToken);
            try
            {
                lock (_lock)
                {
                    // First: if it fails, the client that is there waits for the next attempt.
                    Add(PipeOptions.None);
                    _waiting.Remove(first);
                }

                return new PipeConnection(await first);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new IOException($"The door '{_name}' could not let a client in: {exception.Message}", exception);
            }
        }

        public override IReadOnlyList<DoorConnection> Remove() => [];

        public override void Dispose()
        {
            _closing.Cancel();
            lock (_lock)
            {
                foreach (Task<NamedPipeServerStream> waiting in _waiting)
                {
                    // One that was let in at the last moment.
                    _ = waiting.ContinueWith(
                        static ended => ended.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
                }
            }
        }

        private void Add(PipeOptions options)
        {
            NamedPipeServerStream pipe = new(
                _name, PipeDirection.InOut, NamedPipeServerStream.MaxAllowedServerInstances, PipeTransmissionMode.Byte,
                options | PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly, BufferBytes, BufferBytes);
            _waiting.Add(ConnectAsync(pipe));
        }

        private async Task<NamedPipeServerStream> ConnectAsync(NamedPipeServerStream pipe)
        {
            try
            {
                await pipe.WaitForConnectionAsync(_closing.Token);
                return pipe;
            }
            catch
            {
                await pipe.DisposeAsync();
                throw;
            }
        }
    }

    [SupportedOSPlatform("windows")]
    private sealed class PipeConnection(NamedPipeServerStream pipe) : DoorConnection(pipe)
    {
        // The access list of the pipe has let it in.
        public override bool IsOwnUser => true;

        public override bool HasHungUp => WindowsNative.HasHungUp(pipe.SafePipeHandle);

        // What was written stays in the pipe until the client has read it.
        public override void End() => pipe.Dispose();
    }
}
