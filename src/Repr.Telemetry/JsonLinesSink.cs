using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Repr.Telemetry;

/// <summary>
/// Keeps the record of each build as a file of JSON lines (https://jsonlines.org/) in a directory: <c>&lt;build id&gt;.jsonl</c>, or the
/// local date for what has no id. The form is that of <see cref="TelemetryJson"/>. Safe for concurrent use by one process; lines of several
/// are whole, but mixed.
/// </summary>
public sealed class JsonLinesSink : ITelemetrySink
{
    private const string Extension = ".jsonl";
    private const int LongestName = 100;

    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();

    /// <summary>Makes it and its directory; files that are older are removed.</summary>
    /// <exception cref="IOException">The directory cannot be made.</exception>
    public JsonLinesSink(string directory, TimeSpan kept, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        _directory = directory;
        _time = time;
        Directory.CreateDirectory(directory);
        foreach (FileInfo file in new DirectoryInfo(directory).GetFiles("*" + Extension))
        {
            if (file.LastWriteTimeUtc < time.GetUtcNow().UtcDateTime - kept)
            {
                file.Delete();
            }
        }
    }

    /// <summary>The file of a build; the newest, whatever its name, when none is given; null: there is none.</summary>
    public static string? Find(string directory, string? buildId)
    {
        FileInfo? found = buildId is { Length: > 0 }
            ? new FileInfo(Path.Combine(directory, NameOf(buildId) + Extension))
            : Directory.Exists(directory)
            ? new DirectoryInfo(directory).GetFiles("*" + Extension).MaxBy(static file => file.LastWriteTimeUtc)
            : null;
        return found is { Exists: true } ? found.FullName : null;
    }

    /// <inheritdoc/>
    public Task StartAsync(TelemetrySource source, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    /// <exception cref="IOException">It cannot be written.</exception>
    public Task WriteAsync(TelemetryEvent telemetryEvent, CancellationToken cancellationToken)
    {
        Write(telemetryEvent);
        return Task.CompletedTask;
    }

    /// <summary>Appends a line; it is in the file when this returns.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(TelemetryEvent telemetryEvent)
    {
        ArgumentNullException.ThrowIfNull(telemetryEvent);
        string line = JsonSerializer.Serialize(telemetryEvent, TelemetryJson.Default.TelemetryEvent) + "\n";
        string name = telemetryEvent.BuildId.Length > 0
            ? NameOf(telemetryEvent.BuildId)
            : _time.GetLocalNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        lock (_lock)
        {
            File.AppendAllText(Path.Combine(_directory, name + Extension), line);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string NameOf(string buildId)
    {
        bool isPlain =
            buildId.Length <= LongestName && buildId[0] != '.' && buildId.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return isPlain ? buildId : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(buildId)).AsSpan(0, 16));
    }
}
