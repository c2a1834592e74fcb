using System.Diagnostics;

namespace Repr.Bench.Peers;

/// <summary>A process that runs beside the cases, with its text in a log. It ends with its control group.</summary>
internal static class Daemon
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Starts one and waits until it is ready.</summary>
    /// <param name="group">Where it is counted, and ends.</param>
    /// <param name="log">Where its text goes.</param>
    /// <param name="environment">Added to the environment.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="isReady">Asked again and again.</param>
    /// <param name="cancellationToken">Stops waiting for it.</param>
    /// <returns>Its process.</returns>
    /// <exception cref="BenchException">It ends, or is never ready.</exception>
    public static async Task<int> StartAsync(
        ControlGroup group,
        string log,
        IReadOnlyDictionary<string, string> environment,
        IEnumerable<string> command,
        Func<bool> isReady,
        CancellationToken cancellationToken)
    {
        ProcessStartInfo start = group.StartOf("/bin/sh", ["-c", "exec \"$@\" </dev/null >\"$0\" 2>&1", log, .. command]);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        long began = Stopwatch.GetTimestamp();
        while (!isReady())
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(began) > Patience)
            {
                string text = File.Exists(log) ? await File.ReadAllTextAsync(log, cancellationToken) : string.Empty;
                throw new BenchException($"`{string.Join(' ', command)}` did not start:\n{text}");
            }

            await Task.Delay(50, cancellationToken);
        }

        return process.Id;
    }
}
