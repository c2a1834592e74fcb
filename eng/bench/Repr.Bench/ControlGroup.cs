using System.Diagnostics;
using System.Globalization;

namespace Repr.Bench;

/// <summary>
/// Processes whose processor time is counted together, daemons that they start included: a control group
/// (https://docs.kernel.org/admin-guide/cgroup-v2.html) below the one of this process. Where none can be made, the processes run all the
/// same and nothing is counted. Disposing it kills what still runs in it.
/// </summary>
internal sealed class ControlGroup : IAsyncDisposable
{
    private readonly string? _directory;

    private ControlGroup(string? directory, string? whyNot)
    {
        _directory = directory;
        WhyNot = whyNot;
    }

    /// <summary>Why nothing is counted; null when it is.</summary>
    public string? WhyNot { get; }

    /// <summary>Makes one.</summary>
    public static ControlGroup Create(string name)
    {
        try
        {
            string unique = string.Create(CultureInfo.InvariantCulture, $"repr-bench-{Environment.ProcessId}-{name}");
            string directory = Path.Combine(FindOwn(), unique);
            Directory.CreateDirectory(directory);
            return new ControlGroup(directory, null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new ControlGroup(
                null,
                $"Processor time is not counted, since no control group can be made here: {exception.Message.TrimEnd('.')}. "
                    + "Run as root or in `systemd-run --user --scope -p Delegate=yes`.");
        }
    }

    /// <summary>User and system time of all that ever ran in it; null when it is not counted.</summary>
    public TimeSpan? Used()
    {
        if (_directory is null)
        {
            return null;
        }

        const string Key = "usage_usec ";
        string line = File.ReadLines(Path.Combine(_directory, "cpu.stat")).First(line => line.StartsWith(Key, StringComparison.Ordinal));
        return TimeSpan.FromMicroseconds(long.Parse(line.AsSpan(Key.Length), CultureInfo.InvariantCulture));
    }

    /// <summary>User and system time of the processes that are in it now; null when it is not counted.</summary>
    public TimeSpan? UsedByRunning()
    {
        if (_directory is null)
        {
            return null;
        }

        TimeSpan sum = TimeSpan.Zero;
        foreach (string id in File.ReadLines(Path.Combine(_directory, "cgroup.procs")))
        {
            try
            {
                using Process process = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture));
                sum += process.TotalProcessorTime;
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                // It has just ended.
            }
        }

        return sum;
    }

    /// <summary>How to start a program in it.</summary>
    public ProcessStartInfo StartOf(string program, IEnumerable<string> arguments) => _directory is null
        ? new ProcessStartInfo(program, arguments)
        : new ProcessStartInfo(
            "/bin/sh", ["-c", "echo $$ >\"$0\" && exec \"$@\"", Path.Combine(_directory, "cgroup.procs"), program, .. arguments]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_directory is null || !Directory.Exists(_directory))
        {
            return;
        }

        await File.WriteAllTextAsync(Path.Combine(_directory, "cgroup.kill"), "1");
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                Directory.Delete(_directory);
                return;
            }
            catch (IOException) when (attempt < 50)
            {
                await Task.Delay(100); // killed processes are still there for a moment
            }
        }
    }

    private static string FindOwn()
    {
        // "0::/user.slice/..." and "42 23 0:28 / /sys/fs/cgroup rw,... - cgroup2 cgroup2 rw"
        string? own = File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::/", StringComparison.Ordinal));
        string? mount = File.ReadLines("/proc/self/mountinfo")
            .FirstOrDefault(line => line.Contains(" - cgroup2 ", StringComparison.Ordinal));
        return own is null || mount is null
            ? throw new IOException("no cgroup v2 hierarchy is mounted")
            : Path.Join(mount.Split(' ')[4], own["0::".Length..]);
    }
}
