using System.Buffers.Binary;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Repr.Protocol;
using Repr.Requester.Files;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Door;

/// <summary>What the door's clients can ask for.</summary>
internal interface IDoorService
{
    /// <summary>
    /// Runs an action; see <see cref="Actions.ActionRunner.RunAsync"/>. If the run asks for a place among what runs locally and needs one,
    /// <paramref name="held"/> gets it.
    /// </summary>
    Task<Wire.DoorReply> RunAsync(
        Wire.Run run,
        Func<Wire.DoorText, ValueTask> text,
        ChannelReader<ToolInput> input,
        Action<IDisposable> held,
        CancellationToken cancellationToken);

    /// <summary>What to show of this process.</summary>
    Wire.StatusReply GetStatus();

    /// <summary>Starts the end of this process.</summary>
    void Shutdown(bool force);
}

/// <summary>
/// The door: a Unix domain socket of this user alone (0600, in a 0700 directory, and the kernel's word for who connects). One
/// connection is one request; closing it cancels the request.
/// </summary>
internal sealed partial class DoorServer : IAsyncDisposable
{
    /// <summary>Version of protos/repr/v1/door.proto.</summary>
    public const uint Version = 1;

    private const int SocketLevel = 1; // SOL_SOCKET
    private const int PeerCredentials = 17; // SO_PEERCRED
    private const int Backlog = 512;
    private const int InputsUnderWay = 16;

    private static readonly TimeSpan HangUpCheck = TimeSpan.FromMilliseconds(200);

    private readonly string _path;
    private readonly IDoorService _service;
    private readonly ILogger _log;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _closing = new();
    private readonly HashSet<Task> _connections = [];
    private Task _accepting = Task.CompletedTask;

    /// <summary>Binds the socket.</summary>
    /// <exception cref="IOException">The directory is not this user's alone, or the socket cannot be bound.</exception>
    public DoorServer(string path, IDoorService service, ILogger log)
    {
        _path = path;
        _service = service;
        _log = log;
        DoorPaths.CreatePrivateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path); // A leftover: the lock beside it says that nobody serves it.
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            _listener.Listen(Backlog);
        }
        catch (Exception exception) when (exception is SocketException or ArgumentOutOfRangeException)
        {
            _listener.Dispose();
            throw new IOException($"The door '{path}' could not be opened: {exception.Message}", exception);
        }
    }

    /// <summary>Starts to serve.</summary>
    public void Start() => _accepting = AcceptAsync();

    /// <summary>Accepts nobody any more, and removes the socket. Requests go on.</summary>
    public void Close()
    {
        if (!_closing.IsCancellationRequested)
        {
            File.Delete(_path);
            _closing.Cancel();
            _listener.Dispose();
        }
    }

    /// <summary>Waits until all requests are answered.</summary>
    public async Task DrainAsync()
    {
        await _accepting;
        Task[] connections;
        lock (_connections)
        {
            connections = [.. _connections];
        }

        await Task.WhenAll(connections);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Close();
        await DrainAsync();
        _closing.Dispose();
    }

    private static bool IsOwnUser(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12]; // struct ucred: pid, uid, gid
        return socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) == credentials.Length
            && BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]) == LinuxNative.GetUserId();
    }

    private async Task AcceptAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync(_closing.Token);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException exception)
            {
                Log.NotAccepted(_log, exception);
                await Task.Delay(TimeSpan.FromMilliseconds(100)); // No more descriptors, as it seems: they come back.
                continue;
            }

            Task connection = ServeAsync(socket);
            lock (_connections)
            {
                _connections.Add(connection);
            }

            _ = connection.ContinueWith(
                Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private void Forget(Task connection)
    {
        lock (_connections)
        {
            _connections.Remove(connection);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            using Socket owned = socket;
            if (!IsOwnUser(socket))
            {
                Log.Foreign(_log);
                return;
            }

            await using NetworkStream stream = new(socket);
            using CancellationTokenSource gone = new();
            if (await DelimitedMessages.ReadAsync(stream, Wire.DoorRequest.Parser, gone.Token) is not { } request)
            {
                return;
            }

            Channel<ToolInput> input = Channel.CreateBounded<ToolInput>(InputsUnderWay);
            Task watching = WatchAsync(socket, stream, input.Writer, gone);
            IDisposable? held = null;
            try
            {
                Wire.DoorReply reply = await AnswerAsync(stream, request, input.Reader, place => held = place, gone.Token);
                await DelimitedMessages.WriteAsync(stream, reply, gone.Token);
                if (held is null)
                {
                    socket.Shutdown(SocketShutdown.Both);
                }

                await watching;
            }
            finally
            {
                held?.Dispose();
            }
        }
        catch (Exception exception) when (
            exception is IOException or SocketException or OperationCanceledException or InvalidDataException or ObjectDisposedException)
        {
            Log.Broken(_log, exception.Message);
        }
    }

    private async Task<Wire.DoorReply> AnswerAsync(
        Stream stream,
        Wire.DoorRequest request,
        ChannelReader<ToolInput> input,
        Action<IDisposable> held,
        CancellationToken cancellationToken)
    {
        if (request.DoorVersion != Version)
        {
            return new Wire.DoorReply
            {
                WrongVersion = new Wire.WrongVersion { DoorVersion = Version, ProductVersion = RequesterOptions.ProductVersion },
            };
        }

        switch (request.RequestCase)
        {
            case Wire.DoorRequest.RequestOneofCase.Run:
                return await _service.RunAsync(
                    request.Run,
                    async text => await DelimitedMessages.WriteAsync(stream, new Wire.DoorReply { Text = text }, cancellationToken),
                    input,
                    held,
                    cancellationToken);
            case Wire.DoorRequest.RequestOneofCase.Status:
                return new Wire.DoorReply { Status = _service.GetStatus() };
            case Wire.DoorRequest.RequestOneofCase.Shutdown:
                _service.Shutdown(request.Shutdown.Force);
                return new Wire.DoorReply { Shutdown = new Wire.ShutdownReply() };
            default:
                return new Wire.DoorReply
                {
                    NotRun = new Wire.NotRun
                    {
                        Code = Actions.MessageCodes.MalformedRequest,
                        Message = "The request on the door asks for nothing.",
                    },
                };
        }
    }

    // After its request a client sends input for the tool; the end of its messages means that it has gone.
    private static async Task WatchAsync(Socket socket, Stream stream, ChannelWriter<ToolInput> input, CancellationTokenSource gone)
    {
        try
        {
            while (await DelimitedMessages.ReadAsync(stream, Wire.ToolInput.Parser, CancellationToken.None) is { } message)
            {
                if (message.ToCore() is { } next)
                {
                    await PutAsync(socket, input, next);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidDataException or ReprException)
        {
            // Gone too, or one that does not speak our language.
        }

        input.TryComplete();
        await gone.CancelAsync();
    }

    // While the tool takes nothing, nothing is read from the client: whether it is still there shows only in its socket.
    private static async Task PutAsync(Socket socket, ChannelWriter<ToolInput> input, ToolInput next)
    {
        while (!input.TryWrite(next))
        {
            using CancellationTokenSource check = new(HangUpCheck);
            try
            {
                await input.WaitToWriteAsync(check.Token);
            }
            catch (OperationCanceledException)
            {
                if (LinuxNative.HasHungUp(socket.SafeHandle))
                {
                    throw new EndOfStreamException();
                }
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "A connection on the door was refused: it is not of this user")]
        public static partial void Foreign(ILogger log);

        [LoggerMessage(Level = LogLevel.Debug, Message = "A connection on the door broke: {Reason}")]
        public static partial void Broken(ILogger log, string reason);

        [LoggerMessage(Level = LogLevel.Warning, Message = "A connection on the door could not be accepted")]
        public static partial void NotAccepted(ILogger log, Exception exception);
    }
}
