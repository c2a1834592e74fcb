using System.Globalization;

namespace Repr.Server.Presence;

/// <summary>
/// How busy others keep the processors: the time of programs that are not niced (proc_stat(5), column "user"). What a niced worker runs is
/// niced as well, and so does not count. Not safe for concurrent use.
/// </summary>
/// <param name="statistics">The file, <c>/proc/stat</c>.</param>
internal sealed class ProcessorUse(string statistics = "/proc/stat")
{
    private const double Memory = 0.3; // of each look: about 3 s if there is one a second

    private (long User, long All)? _last;

    /// <summary>Processors that they kept busy lately; null: not known yet.</summary>
    public double? Processors { get; private set; }

    /// <summary>Whether this process, and so what it starts, is niced.</summary>
    /// <param name="status">The file of the process, proc_pid_stat(5); column 19.</param>
    public static bool IsNiced(string status = "/proc/self/stat") =>
        File.Exists(status) && int.Parse(File.ReadAllText(status).Split(") ")[^1].Split(' ')[16], CultureInfo.InvariantCulture) > 0;

    /// <summary>Looks again.</summary>
    /// <returns>The same as <see cref="Processors"/>.</returns>
    /// <exception cref="PresenceException">It can't be read.</exception>
    public double? Look()
    {
        try
        {
            string[] lines = File.ReadAllLines(statistics);
            long[] columns = [.. lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(static text => long.Parse(text, CultureInfo.InvariantCulture))];
            int processors = lines.Count(static line => line.StartsWith("cpu", StringComparison.Ordinal)) - 1;
            (long User, long All) now = (columns[0], columns.Sum());
            if (_last is { } last && now.All > last.All)
            {
                double busy = processors * (double)(now.User - last.User) / (now.All - last.All);
                Processors = Processors is { } before ? before + (Memory * (busy - before)) : busy;
            }

            _last = now;
            return Processors;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            throw new PresenceException($"'{statistics}' does not say how busy the processors are: {failure.Message.TrimEnd('.')}.", failure);
        }
    }
}
