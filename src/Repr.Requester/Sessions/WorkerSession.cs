using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using Repr.Protocol;
using Repr.Requester.Actions;
using Repr.Requester.Content;
using Repr.Requester.Files;
using Repr.Requester.Placement;
using Repr.Requester.Security;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Sessions;

/// <summary>
/// One open session with one worker: one stream with many actions, and beside it a channel to the worker's content store. When
/// the stream is lost, all its actions fail as unavailable and the session is over for good. Safe for concurrent use.
/// </summary>
internal sealed class WorkerSession : IAsyncDisposable
{
    private readonly ConcurrentDictionary<ulong, RunningAction> _running = new();
    private readonly Channel<Wire.RequesterMessage> _outgoing =
        Channel.CreateUnbounded<Wire.RequesterMessage>(new() { SingleReader = true });
    private readonly CancellationTokenSource _lost = new();
    private readonly GrpcChannel _sessionChannel;
    private readonly GrpcChannel _contentChannel;
    private readonly AsyncDuplexStreamingCall<Wire.RequesterMessage, Wire.WorkerMessage> _call;
    private readonly SemaphoreSlim _places;
    private readonly Uri _endpoint;
    private readonly Task _traffic;
    private ReprException? _loss;
    private ulong _lastId;
    private int _loadOfOthers;

    private WorkerSession(
        Uri endpoint,
        GrpcChannel sessionChannel,
        GrpcChannel contentChannel,
        AsyncDuplexStreamingCall<Wire.RequesterMessage, Wire.WorkerMessage> call,
        Wire.Welcome welcome,
        ContentUploader uploader,
        ContentDownloader downloader)
    {
        _endpoint = endpoint;
        _sessionChannel = sessionChannel;
        _contentChannel = contentChannel;
        _call = call;
        Welcome = welcome;
        Uploader = uploader;
        Downloader = downloader;
        _places = new SemaphoreSlim((int)Math.Clamp(welcome.Slots + (long)welcome.QueueLimit, 1, 1 << 16));
        _traffic = Task.WhenAll(ReadAsync(), WriteAsync());
    }

    /// <summary>How the worker introduced itself.</summary>
    public Wire.Welcome Welcome { get; }

    /// <summary>Brings content to the worker.</summary>
    public ContentUploader Uploader { get; }

    /// <summary>Fetches content from the worker.</summary>
    public ContentDownloader Downloader { get; }

    /// <summary>What the way to it is like.</summary>
    public LineQuality Line => Uploader.Line;

    /// <summary>Cancelled when the session is over.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Why the session is over; null: it is not.</summary>
    public ReprException? Loss => Volatile.Read(ref _loss);

    /// <summary>Actions of other requesters that run or wait there, as the worker told last; 0 before it did.</summary>
    public int LoadOfOthers => Volatile.Read(ref _loadOfOthers);

    /// <summary>Actions on the stream.</summary>
    public int Running => _running.Count;

    /// <summary>Opens a session.</summary>
    /// <exception cref="ActionFailureException">The worker cannot be reached, or refuses.</exception>
    public static async Task<WorkerSession> OpenAsync(
        Uri endpoint, RequesterOptions options, DigestCache digests, IContentStore? kept, SharedContentStore? shared, Func<string, GroupUploads> groups, CancellationToken cancellationToken)
    {
        if (options.Access.FindCredential(endpoint) is { } credential)
        {
            await FetchAsync(credential, endpoint, options, cancellationToken); // not within the time for the worker's answer
        }

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ConnectTimeout);
        GrpcChannel? sessionChannel = null;
        GrpcChannel? contentChannel = null;
        AsyncDuplexStreamingCall<Wire.RequesterMessage, Wire.WorkerMessage>? call = null;
        bool isOpen = false;
        try
        {
            sessionChannel = WorkerChannel.Create(endpoint, options);
            call = new Wire.Sessions.SessionsClient(sessionChannel).Connect(
                endpoint.IsLoopback ? null : MessageCompression.NewHeaders(), cancellationToken: CancellationToken.None);
            using CancellationTokenRegistration stop = limit.Token.Register(call.Dispose);
            Wire.Welcome welcome = await GreetAsync(call, limit.Token);
            Uri contentAddress = welcome.CasAddress.Length == 0 ? endpoint : ActionRequest.ParseEndpoint(welcome.CasAddress);
            if (endpoint.Scheme == Uri.UriSchemeHttps && contentAddress.Scheme != endpoint.Scheme)
            {
                throw new ReprException(ReprErrorCode.Unauthenticated, $"its content store, {contentAddress}, is not encrypted");
            }

            contentChannel = WorkerChannel.Create(contentAddress, options);
            ReapiChannel content = await ReapiChannel.OpenAsync(contentChannel.CreateCallInvoker(), instanceName: "", limit.Token);
            bool compresses = !contentAddress.IsLoopback;
            BlobWriter writer = new(content, compresses);
            WorkerSession session = new(
                endpoint,
                sessionChannel,
                contentChannel,
                call,
                welcome,
                new ContentUploader(
                    content,
                    writer,
                    shared is null ? null : new SharedUploads(shared),
                    welcome.ContentGroup.Length == 0 ? null : groups(welcome.ContentGroup),
                    digests),
                new ContentDownloader(endpoint, content, compresses, kept, shared?.Store));
            isOpen = true;
            return session;
        }
        catch (Exception exception) when (exception is ReprException || CallFailures.IsEndOfStream(exception))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw SessionFailures.ToActionFailure(endpoint, options, exception, limit.IsCancellationRequested);
        }
        finally
        {
            if (!isOpen)
            {
                call?.Dispose();
                contentChannel?.Dispose();
                sessionChannel?.Dispose();
            }
        }
    }

    /// <summary>Waits, in order, until the worker can take one more action. Dispose the result when the action is over.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Exhausted"/>: the time was over. <see cref="ReprErrorCode.Unavailable"/>: the session is lost.
    /// </exception>
    public async Task<IDisposable> EnterAsync(TimeSpan? timeout, CancellationToken cancellationToken)
    {
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Lost);
        try
        {
            if (!await _places.WaitAsync(timeout ?? Timeout.InfiniteTimeSpan, linked.Token))
            {
                throw new ReprException(
                    ReprErrorCode.Exhausted, $"The worker at {_endpoint} had no free slot within {timeout?.TotalSeconds:0} s; add workers or slots.");
            }
        }
        catch (OperationCanceledException) when (Loss is { } loss)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw loss;
        }

        return new Place(_places);
    }

    /// <summary>Runs an action to its end. Cancelling cancels it on the worker.</summary>
    /// <param name="execute">The action; its id is set here.</param>
    /// <param name="answers">Answers questions; asked concurrently.</param>
    /// <param name="text">Takes text; called by one thread at a time, in order.</param>
    /// <param name="input">For the tool; read while it runs.</param>
    /// <param name="cancellationToken">Cancels the action.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the session was lost.</exception>
    public async Task<Wire.Completed> ExecuteAsync(
        Wire.Execute execute,
        FileAnswers answers,
        Action<Wire.Text> text,
        IAsyncEnumerable<ToolInput> input,
        CancellationToken cancellationToken)
    {
        execute.ActionId = Interlocked.Increment(ref _lastId);
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Lost);
        RunningAction action = new(answers, text, over.Token);
        _running[execute.ActionId] = action;
        Task feeding = Task.CompletedTask;
        try
        {
            using CancellationTokenRegistration stop =
                over.Token.Register(() => action.Fail(Loss ?? (Exception)new OperationCanceledException(cancellationToken)));
            if (!_outgoing.Writer.TryWrite(new Wire.RequesterMessage { Execute = execute }))
            {
                throw Loss ?? Unavailable("it is closed");
            }

            feeding = FeedAsync(execute.ActionId, action, input);
            return await action.Completed;
        }
        finally
        {
            _running.TryRemove(execute.ActionId, out _);
            if (!action.HasCompleted)
            {
                _outgoing.Writer.TryWrite(new Wire.RequesterMessage { Cancel = new Wire.Cancel { ActionId = execute.ActionId } });
            }

            await over.CancelAsync();
            await feeding;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Lose(Unavailable("the requester closed the session"));
        _call.Dispose();
        await _traffic;
        _sessionChannel.Dispose();
        _contentChannel.Dispose();
        Uploader.Dispose();
    }

    private static async Task FetchAsync(
        ICredential credential, Uri endpoint, RequesterOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await credential.GetTokenAsync(endpoint, cancellationToken);
        }
        catch (ReprException exception)
        {
            throw SessionFailures.ToActionFailure(endpoint, options, exception, isTimeOut: false);
        }
    }

    private static async Task<Wire.Welcome> GreetAsync(
        AsyncDuplexStreamingCall<Wire.RequesterMessage, Wire.WorkerMessage> call, CancellationToken cancellationToken)
    {
        Wire.Hello hello = new()
        {
            ProtocolMajor = WireConversions.ProtocolMajor,
            ProtocolMinor = WireConversions.ProtocolMinor,
            ProductVersion = RequesterOptions.ProductVersion,
            PathStyle = OperatingSystem.IsWindows() ? Wire.PathStyle.Windows : Wire.PathStyle.Unix,
            Requester = LocalUser.Name(),
        };
        await CallFailures.GreetAsync(call.RequestStream, new Wire.RequesterMessage { Hello = hello }, cancellationToken);
        if (!await call.ResponseStream.MoveNext(cancellationToken))
        {
            throw new ReprException(ReprErrorCode.Unavailable, "it ended the session without a word");
        }

        Wire.WorkerMessage first = call.ResponseStream.Current;
        return first.MessageCase switch
        {
            Wire.WorkerMessage.MessageOneofCase.Welcome when first.Welcome.ProtocolMajor == WireConversions.ProtocolMajor => first.Welcome,
            Wire.WorkerMessage.MessageOneofCase.Welcome => throw new ReprException(
                ReprErrorCode.InvalidRequest,
                $"it speaks protocol {first.Welcome.ProtocolMajor}.{first.Welcome.ProtocolMinor}, this requester {WireConversions.ProtocolMajor}.{WireConversions.ProtocolMinor}"),
            Wire.WorkerMessage.MessageOneofCase.Refusal => throw first.Refusal.ToCore(),
            _ => throw new ReprException(ReprErrorCode.InvalidRequest, "its first message is neither a welcome nor a refusal"),
        };
    }

    private async Task ReadAsync()
    {
        // Leave the constructor first.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            while (await _call.ResponseStream.MoveNext(CancellationToken.None))
            {
                Receive(_call.ResponseStream.Current);
            }

            Lose(Unavailable("the worker ended it"));
        }
        catch (Exception exception) when (CallFailures.IsEndOfStream(exception))
        {
            Lose(Unavailable(SessionFailures.Describe(exception)));
        }
    }

    private async Task WriteAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            await foreach (Wire.RequesterMessage message in _outgoing.Reader.ReadAllAsync(Lost))
            {
                _call.RequestStream.WriteOptions = MessageCompression.OptionsFor(message);
                await _call.RequestStream.WriteAsync(message, Lost);
            }
        }
        catch (Exception exception) when (CallFailures.IsEndOfStream(exception))
        {
            Lose(Unavailable(SessionFailures.Describe(exception)));
        }
    }

    private void Receive(Wire.WorkerMessage message)
    {
        switch (message.MessageCase)
        {
            case Wire.WorkerMessage.MessageOneofCase.FileQuestion when _running.TryGetValue(message.FileQuestion.ActionId, out RunningAction? action):
                _ = AnswerAsync(action, message.FileQuestion.Path, async token =>
                    new Wire.RequesterMessage { FileAnswer = await action.Answers.AnswerAsync(message.FileQuestion, token) });
                break;
            case Wire.WorkerMessage.MessageOneofCase.PathsQuestion when _running.TryGetValue(message.PathsQuestion.ActionId, out RunningAction? action):
                _ = AnswerAsync(action, message.PathsQuestion.Paths.FirstOrDefault()?.Path ?? "", async token =>
                    new Wire.RequesterMessage { PathsAnswer = await action.Answers.AnswerAsync(message.PathsQuestion, token) });
                break;
            case Wire.WorkerMessage.MessageOneofCase.Text when _running.TryGetValue(message.Text.ActionId, out RunningAction? action):
                action.Text(message.Text);
                break;
            case Wire.WorkerMessage.MessageOneofCase.InputTaken when _running.TryGetValue(message.InputTaken.ActionId, out RunningAction? action):
                action.LeaveWindow((int)Math.Min(message.InputTaken.Bytes, int.MaxValue));
                break;
            case Wire.WorkerMessage.MessageOneofCase.Completed when _running.TryGetValue(message.Completed.ActionId, out RunningAction? action):
                action.Complete(message.Completed);
                break;
            case Wire.WorkerMessage.MessageOneofCase.Load:
                Volatile.Write(ref _loadOfOthers, (int)Math.Clamp((long)message.Load.Running + message.Load.Queued - _running.Count, 0, int.MaxValue));
                break;
            case Wire.WorkerMessage.MessageOneofCase.Refusal:
                Lose(Unavailable(message.Refusal.Message));
                break;
            default:
                break; // Something for an action that was cancelled, or of a later minor version.
        }
    }

    private async Task FeedAsync(ulong actionId, RunningAction action, IAsyncEnumerable<ToolInput> input)
    {
        try
        {
            await foreach (ToolInput next in input.WithCancellation(action.Over))
            {
                await action.EnterWindowAsync(next is InputData data ? data.Bytes.Length : 0);
                _outgoing.Writer.TryWrite(
                    new Wire.RequesterMessage { ActionInput = new Wire.ActionInput { ActionId = actionId, Input = next.ToWire() } });
            }
        }
        catch (OperationCanceledException)
        {
            // The tool has ended.
        }
    }

    private async Task AnswerAsync(RunningAction action, string path, Func<CancellationToken, Task<Wire.RequesterMessage>> answer)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            _outgoing.Writer.TryWrite(await answer(action.Over));
        }
        catch (OperationCanceledException)
        {
            // Nobody waits for it any more.
        }
        catch (Exception exception)
        {
            Debug.Assert(false, exception.ToString());
            action.Fail(new ReprException(ReprErrorCode.Internal, $"A question about '{path}' could not be answered: {exception.Message}", exception));
        }
    }

    private void Lose(ReprException loss)
    {
        if (Interlocked.CompareExchange(ref _loss, loss, null) is null)
        {
            _outgoing.Writer.TryComplete();
            _lost.Cancel();
            _call.Dispose();
        }
    }

    private ReprException Unavailable(string why) =>
        new(ReprErrorCode.Unavailable, $"The session with the worker at {_endpoint} was lost: {why.TrimEnd('.')}.");

    private sealed class Place(SemaphoreSlim places) : IDisposable
    {
        private SemaphoreSlim? _places = places;

        public void Dispose() => Interlocked.Exchange(ref _places, null)?.Release();
    }
}
