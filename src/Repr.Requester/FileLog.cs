using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Repr.Requester;

/// <summary>
/// A log file that stays small: beyond its bound it becomes "name.1" and a new one begins. Safe for concurrent use. A disk that
/// does not take a line loses it.
/// </summary>
internal sealed class FileLog(string path, LogLevel minimum, TimeProvider time) : ILogger
{
    private const long MaximumBytes = 4 << 20;

    private readonly Lock _lock = new();

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum && logLevel != LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"{time.GetUtcNow():yyyy-MM-dd HH:mm:ss.fff} {logLevel} {formatter(state, exception)}{(exception is null ? "" : "\n" + exception)}\n");
        lock (_lock)
        {
            try
            {
                if (new FileInfo(path) is { Exists: true, Length: > MaximumBytes })
                {
                    File.Move(path, path + ".1", true);
                }

                File.AppendAllText(path, line);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // There is nowhere else to say it.
            }
        }
    }
}
