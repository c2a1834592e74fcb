using System.Threading.Channels;
using Repr.Requester.Content;
using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// What is known of a running action, over all its attempts. Written by one action; not safe for concurrent use, except
/// <see cref="Transfer"/>.
/// </summary>
internal sealed class ActionProgress
{
    private readonly List<Wire.DoorText> _text = [];
    private readonly Channel<Wire.DoorText>? _live;
    private int _inputs;
    private bool _isHeld;
    private uint _attempts;
    private long _attemptStart;

    /// <summary>Makes it.</summary>
    /// <param name="live">Where text goes as it comes; null: it is kept.</param>
    /// <param name="span">Of the action.</param>
    public ActionProgress(Channel<Wire.DoorText>? live = null, Span span = default)
    {
        _live = live;
        Span = span;
    }

    /// <summary>The action in the trace of its build.</summary>
    public Span Span { get; }

    /// <summary>Text has been passed on or input has been taken: the action cannot be repeated as if nothing had happened.</summary>
    public bool IsVisible => HasPassedText || Volatile.Read(ref _inputs) > 0;

    /// <summary>Text has been passed on.</summary>
    public bool HasPassedText { get; private set; }

    /// <summary>The worker's id; empty before there is a session.</summary>
    public string Worker { get; set; } = "";

    /// <summary>The address of the worker of this attempt; null before there is one.</summary>
    public Uri? Endpoint { get; set; }

    /// <summary>When the worker got the action of this attempt, a timestamp; null: it has not.</summary>
    public long? ExecutionStart { get; private set; }

    /// <summary>Called when something is taken from the client for the tool; null: nobody wants to know.</summary>
    public Action? InputTaken { get; set; }

    /// <summary>Why it goes to a worker although there was a choice; null: there was none.</summary>
    public string? Placement { get; set; }

    /// <summary>The last race; null: there was none.</summary>
    public ActionRaced? Race { get; private set; }

    /// <summary>Workers with which an attempt failed.</summary>
    public HashSet<Uri> Failed { get; } = [];

    /// <summary>What was moved.</summary>
    public TransferStatistics Transfer { get; private init; } = new();

    /// <summary>Facts of the last attempt.</summary>
    public uint Mapped { get; set; }

    /// <summary>Bytes of the last Execute message, and of the input sets that were sent for it.</summary>
    public long RequestBytes { get; set; }

    /// <summary>Time of sending content.</summary>
    public TimeSpan Upload { get; set; }

    /// <summary>Time of waiting for a place.</summary>
    public TimeSpan Queue { get; set; }

    /// <summary>Time of fetching and writing outputs.</summary>
    public TimeSpan Download { get; set; }

    /// <summary>Time lost in failed attempts; waiting for a place is not counted.</summary>
    public TimeSpan Lost { get; private set; }

    /// <summary>The questions of the last attempt.</summary>
    public FileAnswers? Answers { get; set; }

    /// <summary>The result; null: there is none yet.</summary>
    public ActionResult? Result { get; set; }

    /// <summary>This machine had the result, and no worker was asked.</summary>
    public bool IsKept { get; set; }

    /// <summary>The text of the last attempt.</summary>
    public IReadOnlyList<Wire.DoorText> Text => _text;

    /// <summary>Notes the start of an attempt; what an earlier one said is dropped.</summary>
    public void BeginAttempt(TimeProvider time)
    {
        _attempts++;
        _text.Clear();
        _isHeld = false;
        InputTaken = null;
        ExecutionStart = null;
        _attemptStart = time.GetTimestamp();
    }

    /// <summary>Notes that the worker has the action now.</summary>
    public void BeginExecution(TimeProvider time)
    {
        _attemptStart = time.GetTimestamp();
        ExecutionStart = _attemptStart;
    }

    /// <summary>From here on text is kept until there is a verdict: another run of the action may begin.</summary>
    /// <returns>False: something of it was seen already.</returns>
    public bool TryHold()
    {
        lock (_text)
        {
            _isHeld = !IsVisible;
            return _isHeld;
        }
    }

    /// <summary>The progress of another run of this attempt. What it moves is counted here.</summary>
    public ActionProgress Fork() => new(null, Span) { Transfer = Transfer, Mapped = Mapped, _attempts = _attempts };

    /// <summary>Notes how a race ended.</summary>
    /// <param name="race">What is told of it.</param>
    /// <param name="second">The second run; null: there was none.</param>
    /// <param name="hasWon">Whether its verdict counts.</param>
    public void EndRace(ActionRaced race, ActionProgress? second, bool hasWon)
    {
        Race = race;
        if (second is null || !hasWon)
        {
            return;
        }

        (Worker, Endpoint, Answers, Result) = (second.Worker, second.Endpoint, second.Answers, second.Result);
        (RequestBytes, Upload, Queue, Download) = (second.RequestBytes, second.Upload, second.Queue, second.Download);
        lock (_text)
        {
            _text.Clear();
            _text.AddRange(second.Text);
        }
    }

    /// <summary>Notes that an attempt failed.</summary>
    public void EndFailedAttempt(TimeProvider time)
    {
        Lost += time.GetElapsedTime(_attemptStart);
        if (Endpoint is { } endpoint)
        {
            Failed.Add(endpoint);
            Endpoint = null;
        }
    }

    /// <summary>Takes a chunk of text.</summary>
    public void AddText(Wire.Text text) => AddText(new Wire.DoorText { IsStderr = text.Stream == Wire.Text.Types.Stream.Stderr, Data = text.Data });

    /// <summary>Takes a chunk of text.</summary>
    public void AddText(Wire.DoorText chunk)
    {
        lock (_text)
        {
            if (_live is null || _isHeld)
            {
                _text.Add(chunk);
            }
            else
            {
                HasPassedText = true;
                _live.Writer.TryWrite(chunk);
            }
        }
    }

    /// <summary>Notes that something was taken from the client for the tool.</summary>
    public void NoteInput()
    {
        Interlocked.Increment(ref _inputs);
        InputTaken?.Invoke();
    }

    /// <summary>The statistics for the client.</summary>
    public Wire.RunStatistics ToStatistics(TimeSpan total)
    {
        Wire.RunStatistics statistics = CountAll(total);
        if (Result?.Cached is { } cached)
        {
            statistics.CachedToolMs = cached.ToolMs;
        }

        return statistics;
    }

    private Wire.RunStatistics CountAll(TimeSpan total) => new()
    {
        Mapped = Mapped,
        AskedBack = (uint)(Answers?.Questions.Count ?? 0),
        UploadedFiles = (uint)Transfer.UploadedFiles,
        UploadedBytes = Transfer.UploadedBytes,
        SharedFiles = (uint)Transfer.SharedFiles,
        SharedBytes = Transfer.SharedBytes,
        DownloadedFiles = (uint)Transfer.DownloadedFiles,
        DownloadedBytes = Transfer.DownloadedBytes,
        Attempts = _attempts,
        TotalMs = total.TotalMilliseconds,
        UploadMs = Upload.TotalMilliseconds,
        QueueMs = Queue.TotalMilliseconds + (Result?.Timings.QueueMs ?? 0),
        ToolMs = Result?.Timings.ToolMs ?? 0,
        DownloadMs = Download.TotalMilliseconds,
        RequestBytes = RequestBytes,
        CacheMiss = Result?.CacheMiss ?? "",
        Kept = IsKept,
    };
}
