using System.Text.Json.Serialization;

namespace Repr;

/// <summary>
/// Something that has happened: <see cref="ActionCompleted"/> and <see cref="BuildEnded"/> of a requester, <see cref="ActionExecuted"/> of a
/// worker. Later versions add properties and kinds; a sink ignores the kinds that it does not know. Immutable.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(ActionCompleted), "action")]
[JsonDerivedType(typeof(BuildEnded), "build")]
[JsonDerivedType(typeof(ActionExecuted), "execution")]
public abstract record TelemetryEvent
{
    /// <summary>When it ended.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What groups the actions of a build; empty when it was not given, and on a worker.</summary>
    public string BuildId { get; init; } = "";

    /// <summary>The W3C trace id, 32 digits; null when there is no trace.</summary>
    public string? TraceId { get; init; }
}

/// <summary>How an action ended, as the requester sees it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ActionOutcome>))]
public enum ActionOutcome
{
    /// <summary>The tool ran on a worker and has its verdict, good or bad.</summary>
    [JsonStringEnumMemberName("remote")]
    Remote,

    /// <summary>It has no remote verdict: it runs locally, or is an error of the build.</summary>
    [JsonStringEnumMemberName("not-run")]
    NotRun,

    /// <summary>The client has gone.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}

/// <summary>A path about which the worker asked because it was not predicted.</summary>
/// <param name="Path">Where.</param>
/// <param name="Count">How often one action asked: what is there, its content, its listing.</param>
/// <param name="LostMs">For how long file operations of the tool waited for the answers, in milliseconds. Waits may overlap those for others.</param>
public sealed record AskedPath(string Path, int Count, double LostMs);

/// <summary>A file whose content a worker got because it asked.</summary>
/// <param name="Path">Where.</param>
/// <param name="Digest">Its content, "hash/size".</param>
public sealed record ServedFile(string Path, string Digest);

/// <summary>How a race ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RaceOutcome>))]
public enum RaceOutcome
{
    /// <summary>The second run's verdict counts.</summary>
    [JsonStringEnumMemberName("won")]
    Won,

    /// <summary>The first run's verdict counts after all.</summary>
    [JsonStringEnumMemberName("lost")]
    Lost,

    /// <summary>The action was taken back from its worker, and runs on this machine.</summary>
    [JsonStringEnumMemberName("taken-back")]
    TakenBack,
}

/// <summary>An action took much longer than expected, so that another run of it was begun. One of them counts.</summary>
/// <param name="First">The worker that had it first.</param>
/// <param name="Second">The worker of the second run; empty: this machine.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="AfterMs">For how long the first run had taken when the second one was begun, in milliseconds.</param>
public sealed record ActionRaced(string First, string Second, RaceOutcome Outcome, double AfterMs);

/// <summary>An action has ended on the requester: what happened to it, and what of this machine was shown to a worker.</summary>
public sealed record ActionCompleted : TelemetryEvent
{
    /// <summary>For people, as in "Csc App.Core".</summary>
    public required string Description { get; init; }

    /// <summary>How it ended.</summary>
    public required ActionOutcome Outcome { get; init; }

    /// <summary>Message code when it has no verdict, as in "REPR1101".</summary>
    public string? Code { get; init; }

    /// <summary>Why it has no verdict.</summary>
    public string? Message { get; init; }

    /// <summary>How the tool ended, as in "Code 0".</summary>
    public string? Exit { get; init; }

    /// <summary>The worker's id, or its endpoint when it did not say it.</summary>
    public required string Worker { get; init; }

    /// <summary>How often it was tried.</summary>
    public required uint Attempts { get; init; }

    /// <summary>Facts sent with the action.</summary>
    public required uint Mapped { get; init; }

    /// <summary>Questions asked back.</summary>
    public required uint AskedBack { get; init; }

    /// <summary>Blobs sent to the worker.</summary>
    public required uint UploadedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long UploadedBytes { get; init; }

    /// <summary>Blobs put into the store that is shared with the worker.</summary>
    public uint SharedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public long SharedBytes { get; init; }

    /// <summary>Blobs fetched.</summary>
    public required uint DownloadedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long DownloadedBytes { get; init; }

    /// <summary>Bytes of the Execute message, and of the input sets that were sent for it.</summary>
    public required long RequestBytes { get; init; }

    /// <summary>Milliseconds from the request to the answer.</summary>
    public required double TotalMs { get; init; }

    /// <summary>Milliseconds of sending content before the action.</summary>
    public required double UploadMs { get; init; }

    /// <summary>Milliseconds of waiting for a slot.</summary>
    public required double QueueMs { get; init; }

    /// <summary>Milliseconds of the tool.</summary>
    public required double ToolMs { get; init; }

    /// <summary>Milliseconds of fetching and writing outputs.</summary>
    public required double DownloadMs { get; init; }

    /// <summary>Milliseconds that the tool took when it ran, in an earlier action; null: it ran in this one.</summary>
    public double? CachedToolMs { get; init; }

    /// <summary>True: the requester had the result from an earlier action, and no worker was asked; null: one was.</summary>
    public bool? Kept { get; init; }

    /// <summary>Why no known result was taken; null: one was, or none was looked for.</summary>
    public string? CacheMiss { get; init; }

    /// <summary>What differs from an earlier run of the same command in the same world; null: nothing, as far as that is known.</summary>
    public IReadOnlyList<string>? NotRepeatable { get; init; }

    /// <summary>Why it went to a worker or stayed, with the predicted times; null: there was no choice, or too little was known.</summary>
    public string? Placement { get; init; }

    /// <summary>It was run a second time because it took long; null: it was not.</summary>
    public ActionRaced? Race { get; init; }

    /// <summary>Where the worker's time went.</summary>
    public ActionTimings? Timings { get; init; }

    /// <summary>Paths that were asked back, in the order of the first question.</summary>
    public required IReadOnlyList<AskedPath> Asked { get; init; }

    /// <summary>Files whose content was served because the worker asked.</summary>
    public required IReadOnlyList<ServedFile> Served { get; init; }

    /// <summary>Paths that the tool changed outside its outputs; they were not taken over.</summary>
    public IReadOnlyList<string>? UndeclaredWrites { get; init; }
}

/// <summary>A build has ended: none of its actions has run for some seconds, or the requester process stops.</summary>
public sealed record BuildEnded : TelemetryEvent
{
    /// <summary>When its first action came.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>Actions with a remote verdict.</summary>
    public required int Remote { get; init; }

    /// <summary>Actions without one; they ran locally, or were errors.</summary>
    public required int NotRun { get; init; }

    /// <summary>Actions that were cancelled.</summary>
    public required int Cancelled { get; init; }

    /// <summary>Actions that were run a second time because they took long.</summary>
    public int Raced { get; init; }

    /// <summary>Questions asked back.</summary>
    public required long AskedBack { get; init; }

    /// <summary>Bytes sent, uncompressed.</summary>
    public required long UploadedBytes { get; init; }

    /// <summary>Bytes fetched, uncompressed.</summary>
    public required long DownloadedBytes { get; init; }
}

/// <summary>An action has ended on a worker.</summary>
public sealed record ActionExecuted : TelemetryEvent
{
    /// <summary>For people, as in "Csc App.Core".</summary>
    public required string Description { get; init; }

    /// <summary>How the tool ended, as in "Code 0"; null: there is no verdict.</summary>
    public string? Exit { get; init; }

    /// <summary>Why there is no verdict.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<ReprErrorCode>))]
    public ReprErrorCode? Failure { get; init; }

    /// <summary>The same for people.</summary>
    public string? Message { get; init; }

    /// <summary>No tool ran: the result is that of an earlier run.</summary>
    public bool IsCached { get; init; }

    /// <summary>Why no known result was taken; null: one was, or none was looked for.</summary>
    public string? CacheMiss { get; init; }

    /// <summary>Questions asked back.</summary>
    public required int Questions { get; init; }

    /// <summary>Where the time went; null: there is no verdict.</summary>
    public ActionTimings? Timings { get; init; }
}
