using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Repr.Requester.Actions;

/// <summary>One line of the build record: what happened to one action, and what of this machine was shown to a worker.</summary>
internal sealed record ActionRecord
{
    /// <summary>When it ended.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>For people, as in "Csc App.Core".</summary>
    public required string Description { get; init; }

    /// <summary>"remote" or "not-run".</summary>
    public required string Outcome { get; init; }

    /// <summary>Message code when it was not run.</summary>
    public string? Code { get; init; }

    /// <summary>Why it was not run.</summary>
    public string? Message { get; init; }

    /// <summary>How the tool ended.</summary>
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
    public required uint SharedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long SharedBytes { get; init; }

    /// <summary>Blobs fetched.</summary>
    public required uint DownloadedFiles { get; init; }

    /// <summary>Their bytes.</summary>
    public required long DownloadedBytes { get; init; }

    /// <summary>Bytes of the Execute message.</summary>
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

    /// <summary>Where the worker's time went.</summary>
    public ActionTimings? Timings { get; init; }

    /// <summary>Paths that were asked back, in that order.</summary>
    public required IReadOnlyList<string> Asked { get; init; }

    /// <summary>Files whose content was served because the worker asked.</summary>
    public required IReadOnlyList<ServedFile> Served { get; init; }

    /// <summary>Paths that the tool changed outside its outputs; they were not taken over.</summary>
    public IReadOnlyList<string>? UndeclaredWrites { get; init; }
}

/// <summary>Keeps the record of each build as a file of JSON lines. Safe for concurrent use.</summary>
internal sealed class BuildRecord
{
    private static readonly TimeSpan Kept = TimeSpan.FromDays(14);

    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    /// <summary>Opens the records; those of two weeks ago are removed.</summary>
    public BuildRecord(string directory, TimeProvider time)
    {
        _directory = directory;
        _time = time;
        Directory.CreateDirectory(directory);
        foreach (FileInfo file in new DirectoryInfo(directory).GetFiles("*.jsonl"))
        {
            if (file.LastWriteTimeUtc < time.GetUtcNow().UtcDateTime - Kept)
            {
                file.Delete();
            }
        }
    }

    /// <summary>Appends a line.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Append(string buildId, ActionRecord record)
    {
        string line = JsonSerializer.Serialize(record, ActionRecordJson.Default.ActionRecord) + "\n";
        lock (_lock)
        {
            File.AppendAllText(Path.Combine(_directory, NameOf(buildId) + ".jsonl"), line);
        }
    }

    private string NameOf(string buildId)
    {
        if (buildId.Length == 0)
        {
            return _time.GetLocalNow().ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
        }

        bool isPlain =
            buildId.Length <= 100 && buildId[0] != '.' && buildId.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return isPlain ? buildId : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(buildId)).AsSpan(0, 16));
    }
}

/// <summary>The form of a record's lines.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ActionRecord))]
internal sealed partial class ActionRecordJson : JsonSerializerContext;
