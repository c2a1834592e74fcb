using System.Diagnostics;
using Repr.Telemetry;

namespace Repr.Server.Execution;

/// <summary>
/// The files that one action opened, as one span from the first to the last: a span for each would cost more than opening it. Safe for
/// concurrent use.
/// </summary>
internal sealed class Hydration
{
    private long _first;
    private long _last;
    private long _bytes;
    private int _files;

    /// <summary>A file's content is ready.</summary>
    /// <param name="asked">When the tool asked for it, a time stamp of <see cref="Stopwatch"/>.</param>
    /// <param name="bytes">How long it is.</param>
    public void Note(long asked, long bytes)
    {
        Interlocked.CompareExchange(ref _first, asked, 0);
        Interlocked.Exchange(ref _last, Stopwatch.GetTimestamp());
        Interlocked.Add(ref _bytes, bytes);
        Interlocked.Increment(ref _files);
    }

    /// <summary>Tells it.</summary>
    /// <param name="action">The span of the action.</param>
    /// <param name="now">The time.</param>
    public void Tell(Span action, DateTimeOffset now)
    {
        if (_files > 0 && action.IsRecorded)
        {
            action.Child("hydrate", start: now - Stopwatch.GetElapsedTime(_first))
                .Set(TelemetryNames.Files, _files)
                .Set(TelemetryNames.Bytes, _bytes)
                .End(now - Stopwatch.GetElapsedTime(_last));
        }
    }
}
