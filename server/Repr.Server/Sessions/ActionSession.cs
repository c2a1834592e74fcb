using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Google.Protobuf;
using Repr.Protocol;
using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Telemetry;
using Repr.Telemetry;

namespace Repr.Server.Sessions;

/// <summary>
/// One action's share of a session: its questions and answers, its text, its end. Safe for concurrent use.
/// </summary>
internal sealed class ActionSession(
    ulong actionId, ChannelWriter<WorkerMessage> outgoing, Span span, WorkerMetrics metrics, bool answersMany, CancellationToken sessionEnded)
    : IRequesterFiles, IToolText, IToolInput, IDisposable
{
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<FileAnswer>> _questions = new();
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<PathsAnswer>> _pathsQuestions = new();
    private readonly CancellationTokenSource _stopped = CancellationTokenSource.CreateLinkedTokenSource(sessionEnded);
    private readonly Channel<ToolInput> _input = Channel.CreateUnbounded<ToolInput>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentQueue<QuestionWait> _waits = new();
    private ulong _lastQuestion;
    private long _inputUnderWay;

    /// <summary>Cancelled when the requester cancels the action, or the session ends.</summary>
    public CancellationToken Stopped => _stopped.Token;

    /// <summary>The action in its trace.</summary>
    public Span Span => span;

    /// <summary>How long the tool waited for answers.</summary>
    public IEnumerable<QuestionWait> Waits => _waits;

    /// <summary>Stops the action. Idempotent.</summary>
    public void Stop()
    {
        try
        {
            _stopped.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended by itself.
        }
    }

    /// <summary>Takes an answer; one to a question that nobody asks any more is ignored.</summary>
    public void Answer(FileAnswer answer)
    {
        if (_questions.TryRemove(answer.QuestionId, out TaskCompletionSource<FileAnswer>? question))
        {
            question.TrySetResult(answer);
        }
    }

    /// <summary>Takes an answer about many paths; one to a question that nobody asks any more is ignored.</summary>
    public void Answer(PathsAnswer answer)
    {
        if (_pathsQuestions.TryRemove(answer.QuestionId, out TaskCompletionSource<PathsAnswer>? question))
        {
            question.TrySetResult(answer);
        }
    }

    /// <inheritdoc/>
    public bool AnswersMany => answersMany;

    /// <inheritdoc/>
    public async Task<IReadOnlyList<InputFact>> AskManyAsync(IReadOnlyCollection<ObservedInput> inputs, CancellationToken cancellationToken)
    {
        PathsQuestion question = new() { ActionId = actionId };
        question.Paths.AddRange(inputs.Select(WireConversions.ToWire));
        PathsAnswer answer = await AskAsync(
            _pathsQuestions,
            (id, trace) =>
            {
                (question.QuestionId, question.TraceParent) = (id, trace);
                return new WorkerMessage { PathsQuestion = question };
            },
            asking => asking.Set(TelemetryNames.Files, inputs.Count).Set(TelemetryNames.QuestionKind, "many"),
            cancellationToken);
        return [.. answer.Facts.Select(WireConversions.ToCore)];
    }

    /// <inheritdoc/>
    public async Task<InputFact> AskEntryAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        FileAnswer answer = await AskAsync(path, FileQuestion.Types.Kind.Entry, cancellationToken);
        return answer.AnswerCase == FileAnswer.AnswerOneofCase.Entry && answer.Entry.ToCore() is { } fact && fact.Path == path
            ? fact
            : throw Malformed(path);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<InputFact>> AskListingAsync(VirtualPath directory, CancellationToken cancellationToken)
    {
        FileAnswer answer = await AskAsync(directory, FileQuestion.Types.Kind.Listing, cancellationToken);
        return answer.AnswerCase == FileAnswer.AnswerOneofCase.Listing
            ? [.. answer.Listing.Entries.Select(WireConversions.ToCore)]
            : throw Malformed(directory);
    }

    /// <inheritdoc/>
    public async Task<FileFact> AskContentAsync(VirtualPath file, CancellationToken cancellationToken)
    {
        FileAnswer answer = await AskAsync(file, FileQuestion.Types.Kind.Content, cancellationToken);
        return answer.AnswerCase == FileAnswer.AnswerOneofCase.Entry
            && answer.Entry.ToCore() is FileFact { Digest: not null } fact
            && fact.Path == file
                ? fact
                : throw Malformed(file);
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(bool isStandardError, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        outgoing.WriteAsync(
            new WorkerMessage
            {
                Text = new Text
                {
                    ActionId = actionId,
                    Stream = isStandardError ? Text.Types.Stream.Stderr : Text.Types.Stream.Stdout,
                    Data = ByteString.CopyFrom(data.Span),
                },
            },
            cancellationToken);

    /// <summary>Takes something for the tool. One thread at a time.</summary>
    /// <param name="input">What; unset: nothing that this version knows.</param>
    /// <returns>False when it breaks the rules of the session.</returns>
    public bool TryTake(Protocol.V1.ToolInput? input)
    {
        try
        {
            if (input?.ToCore() is not { } next)
            {
                return true; // of a later minor version
            }

            int bytes = next is InputData data ? data.Bytes.Length : 0;
            return Interlocked.Add(ref _inputUnderWay, bytes) <= ToolInput.WindowBytes && _input.Writer.TryWrite(next);
        }
        catch (ReprException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ToolInput> ReadAllAsync(CancellationToken cancellationToken) => _input.Reader.ReadAllAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask TakenAsync(int bytes, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref _inputUnderWay, -bytes);
        return outgoing.WriteAsync(
            new WorkerMessage { InputTaken = new InputTaken { ActionId = actionId, Bytes = (uint)bytes } }, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _stopped.Dispose();

    private static ReprException Malformed(VirtualPath path) =>
        new(ReprErrorCode.InvalidRequest, $"The requester's answer about '{path}' is not an answer to the question.");

    private async Task<FileAnswer> AskAsync(VirtualPath path, FileQuestion.Types.Kind kind, CancellationToken cancellationToken)
    {
        FileAnswer answer = await AskAsync(
            _questions,
            (id, trace) => new WorkerMessage
            {
                FileQuestion = new FileQuestion { ActionId = actionId, QuestionId = id, Path = path.Text, Kind = kind, TraceParent = trace },
            },
            asking => asking.Set(TelemetryNames.FilePath, path.Text).Set(TelemetryNames.QuestionKind, kind.ToString().ToLowerInvariant()),
            cancellationToken);
        return answer.AnswerCase switch
        {
            FileAnswer.AnswerOneofCase.Refused => throw new ReprException(ReprErrorCode.Refused, answer.Refused),
            FileAnswer.AnswerOneofCase.Failed => throw new ReprException(ReprErrorCode.InvalidInput, answer.Failed),
            _ => answer,
        };
    }

    private async Task<TAnswer> AskAsync<TAnswer>(
        ConcurrentDictionary<ulong, TaskCompletionSource<TAnswer>> waiting,
        Func<ulong, string, WorkerMessage> message,
        Action<Span> describe,
        CancellationToken cancellationToken)
    {
        ulong id = Interlocked.Increment(ref _lastQuestion);
        TaskCompletionSource<TAnswer> question = new(TaskCreationOptions.RunContinuationsAsynchronously);
        waiting[id] = question;
        long start = Stopwatch.GetTimestamp();
        using Span asking = span.Child("question", ActivityKind.Client);
        if (asking.IsRecorded)
        {
            describe(asking);
        }

        try
        {
            await outgoing.WriteAsync(message(id, asking.TraceParent), cancellationToken);
            TAnswer answer = await question.Task.WaitAsync(cancellationToken);
            TimeSpan wait = Stopwatch.GetElapsedTime(start);
            metrics.Answered(wait);
            _waits.Enqueue(new QuestionWait { QuestionId = id, WaitMs = (float)wait.TotalMilliseconds });
            return answer;
        }
        finally
        {
            waiting.TryRemove(id, out _);
        }
    }
}
