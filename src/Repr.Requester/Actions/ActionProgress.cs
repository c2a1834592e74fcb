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

    /// <summary>Workers with which an attempt failed.</summary>
    public HashSet<Uri> Failed { get; } = [];

    /// <summary>What was moved.</summary>
    public TransferStatistics Transfer { get; } = new();

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

    /// <summary>The text of the last attempt.</summary>
    public IReadOnlyList<Wire.DoorText> Text => _text;

    /// <summary>Notes the start of an attempt; what an earlier one said is dropped.</summary>
    public void BeginAttempt(TimeProvider time)
    {
        _attempts++;
        _text.Clear();
        _attemptStart = time.GetTimestamp();
    }

    /// <summary>Notes that the worker has the action now.</summary>
    public void BeginExecution(TimeProvider time) => _attemptStart = time.GetTimestamp();

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
    public void AddText(Wire.Text text)
    {
        Wire.DoorText chunk = new() { IsStderr = text.Stream == Wire.Text.Types.Stream.Stderr, Data = text.Data };
        if (_live is null)
        {
            _text.Add(chunk);
        }
        else
        {
            HasPassedText = true;
            _live.Writer.TryWrite(chunk);
        }
    }

    /// <summary>Notes that something was taken from the client for the tool.</summary>
    public void NoteInput() => Interlocked.Increment(ref _inputs);

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
    };
}
