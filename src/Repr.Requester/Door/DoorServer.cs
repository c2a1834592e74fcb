using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Repr.Protocol;
using Repr.Requester.Actions;
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
        AnnouncedRun? announced,
        Func<Wire.DoorText, ValueTask> text,
        ChannelReader<ToolInput> input,
        Action<IDisposable> held,
        CancellationToken cancellationToken);

    /// <summary>Begins to prepare a run that a client is about to ask for.</summary>
    AnnouncedRun Announce(string predictionKey);

    /// <summary>
    /// Makes sure that placeholders can be read, and removes those of these files whose content nobody has any more.
    /// </summary>
    Task<Wire.RefreshReply> RefreshAsync(IReadOnlyList<string> files, CancellationToken cancellationToken);

    /// <summary>What to show of this process.</summary>
    Wire.StatusReply GetStatus();

    /// <summary>Starts the end of this process.</summary>
    void Shutdown(bool force);
}

/// <summary>
/// Serves the door, which is this user's alone (<see cref="DoorListener"/>). One connection is one request, or one after the other; closing it cancels the request.
/// </summary>
internal sealed partial class DoorServer : IAsyncDisposable
{
    /// <summary>Version of protos/repr/v1/door.proto.</summary>
    public const uint Version = 1;

    private const int InputsUnderWay = 16;
    private const int TextBytes = 1 << 20; // that wait for the verdict

    private static readonly TimeSpan HangUpCheck = TimeSpan.FromMilliseconds(200);

    private readonly IDoorService _service;
    private readonly ILogger _log;
    private readonly DoorListener _listener;
    private readonly CancellationTokenSource _closing = new();
    private readonly HashSet<Task> _connections = [];
    private Task _accepting = Task.CompletedTask;

    /// <summary>Opens the door.</summary>
    /// <exception cref="IOException">The directory is not this user's alone, or the door cannot be opened.</exception>
    public DoorServer(string path, IDoorService service, ILogger log)
    {
        _service = service;
        _log = log;
        DoorPaths.CreatePrivateDirectory(Path.GetDirectoryName(path)!);
        _listener = DoorListener.Open(path);
    }

    /// <summary>Starts to serve.</summary>
    public void Start() => _accepting = AcceptAsync();

    /// <summary>Removes the door, and accepts nobody any more but who is at it already: its request is not lost. Requests go on. Connections on which nothing is under way end; a request that comes at that moment is not read.</summary>
    public void Close()
    {
        if (!_closing.IsCancellationRequested)
        {
            _closing.Cancel();
            IReadOnlyList<DoorConnection> late = _listener.Remove();
            _listener.Dispose();
            foreach (DoorConnection client in late)
            {
                Serve(client);
            }
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

    private async Task AcceptAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            DoorConnection client;
            try
            {
                client = await _listener.AcceptAsync(_closing.Token);
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (IOException exception)
            {
                Log.NotAccepted(_log, exception);
                await Task.Delay(TimeSpan.FromMilliseconds(100)); // No more descriptors, as it seems: they come back.
                continue;
            }

            Serve(client);
        }
    }

    private void Serve(DoorConnection client)
    {
        Task connection = ServeAsync(client);
        lock (_connections)
        {
            _connections.Add(connection);
        }

        _ = connection.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Forget(Task connection)
    {
        lock (_connections)
        {
            _connections.Remove(connection);
        }
    }

    private async Task ServeAsync(DoorConnection client)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await using DoorConnection owned = client;
            if (!client.IsOwnUser)
            {
                Log.Foreign(_log);
                return;
            }

            Wire.DoorRequest? request = await DelimitedMessages.ReadAsync(client.Stream, Wire.DoorRequest.Parser, CancellationToken.None);
            while (request is { KeepOpen: true, Run: null or { QueueLocally: false } })
            {
                request = request.Announcement is null
                    ? await ServeAndKeepAsync(client.Stream, request, null)
                    : await ServeAnnouncedAsync(client.Stream, request.Announcement);
            }

            if (request is not null)
            {
                await ServeLastAsync(client, request);
            }
        }
        catch (Exception exception) when (
            exception is IOException or SocketException or OperationCanceledException or InvalidDataException or ObjectDisposedException)
        {
            Log.Broken(_log, exception.Message);
        }
    }

    private async Task ServeLastAsync(DoorConnection client, Wire.DoorRequest request)
    {
        using CancellationTokenSource gone = new();
        Channel<ToolInput> input = Channel.CreateBounded<ToolInput>(InputsUnderWay);
        Task watching = WatchAsync(client, input.Writer, gone);
        IDisposable? held = null;
        try
        {
            await AnswerAsync(client.Stream, request, null, input.Reader, place => held = place, gone.Token);
            if (held is null)
            {
                client.End();
            }

            await watching;
        }
        finally
        {
            held?.Dispose();
        }
    }

    // As below, with what was announced for the request that follows; another announcement takes its place.
    private async Task<Wire.DoorRequest?> ServeAnnouncedAsync(Stream stream, Wire.Announcement announcement)
    {
        using AnnouncedRun announced = _service.Announce(announcement.PredictionKey);
        Wire.DoorRequest? request;
        await using (CloseWithDoor(stream))
        {
            request = await DelimitedMessages.ReadAsync(stream, Wire.DoorRequest.Parser, CancellationToken.None);
        }

        return request is { KeepOpen: true, Run: { QueueLocally: false } } ? await ServeAndKeepAsync(stream, request, announced) : request;
    }

    // The next request; null: the client has gone, or the door closes while nothing is under way.
    private async Task<Wire.DoorRequest?> ServeAndKeepAsync(Stream stream, Wire.DoorRequest request, AnnouncedRun? announced)
    {
        CancellationTokenSource gone = new(); // has no timer; the client may go after all of this
        Task<Wire.DoorRequest?> next = ReadNextAsync(stream, gone);
        Channel<ToolInput> none = Channel.CreateBounded<ToolInput>(1);
        none.Writer.Complete();
        await AnswerAsync(stream, request, announced, none.Reader, static _ => { }, gone.Token);
        announced?.Dispose(); // it may be long until the next one
        await using CancellationTokenRegistration closing = CloseWithDoor(stream);
        return await next;
    }

    private CancellationTokenRegistration CloseWithDoor(Stream idle) => _closing.Token.UnsafeRegister(static stream => ((Stream)stream!).Dispose(), idle);

    private async Task<Wire.DoorRequest?> ReadNextAsync(Stream stream, CancellationTokenSource gone)
    {
        try
        {
            if (await DelimitedMessages.ReadAsync(stream, Wire.DoorRequest.Parser, CancellationToken.None) is { } next)
            {
                return next;
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or InvalidDataException)
        {
            Log.Broken(_log, exception.Message);
        }

        await gone.CancelAsync();
        return null;
    }

    private async Task AnswerAsync(
        Stream stream,
        Wire.DoorRequest request,
        AnnouncedRun? announced,
        ChannelReader<ToolInput> input,
        Action<IDisposable> held,
        CancellationToken cancellationToken)
    {
        List<Wire.DoorReply> replies = [];
        bool isLive = request.Run?.LiveText ?? false;
        int bytes = 0;
        Wire.DoorReply last = await FindAnswerAsync(
            request,
            announced,
            async text =>
            {
                replies.Add(new Wire.DoorReply { Text = text });
                bytes += text.Data.Length;
                if (isLive || bytes >= TextBytes)
                {
                    await DelimitedMessages.WriteAsync(stream, replies, cancellationToken);
                    replies.Clear();
                    bytes = 0;
                }
            },
            input,
            held,
            cancellationToken);
        await DelimitedMessages.WriteAsync(stream, [.. replies, last], cancellationToken);
    }

    private async Task<Wire.DoorReply> FindAnswerAsync(
        Wire.DoorRequest request,
        AnnouncedRun? announced,
        Func<Wire.DoorText, ValueTask> text,
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
                return await _service.RunAsync(request.Run, announced, text, input, held, cancellationToken);
            case Wire.DoorRequest.RequestOneofCase.Refresh:
                return new Wire.DoorReply { Refresh = await _service.RefreshAsync(request.Refresh.Files, cancellationToken) };
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
                        Code = MessageCodes.MalformedRequest,
                        Message = "The request on the door asks for nothing.",
                    },
                };
        }
    }

    // After its request a client sends input for the tool; the end of its messages means that it has gone.
    private async Task WatchAsync(DoorConnection client, ChannelWriter<ToolInput> input, CancellationTokenSource gone)
    {
        try
        {
            while (await DelimitedMessages.ReadAsync(client.Stream, Wire.ToolInput.Parser, CancellationToken.None) is { } message)
            {
                if (message.ToCore() is { } next)
                {
                    await PutAsync(client, input, next);
                }
            }
        }
        catch (Exception exception) when (
            exception is IOException or ObjectDisposedException or OperationCanceledException or InvalidDataException or ReprException)
        {
            Log.Broken(_log, exception.Message); // gone too, or one that does not speak our language
        }

        input.TryComplete();
        await gone.CancelAsync();
    }

    // While the tool takes nothing, nothing is read from the client: whether it is still there shows only in its connection.
    private static async Task PutAsync(DoorConnection client, ChannelWriter<ToolInput> input, ToolInput next)
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
                if (client.HasHungUp)
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
