using System.Diagnostics;
using System.Globalization;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>The processes of this machine.</summary>
internal static class ProcessTable
{
    /// <summary>Those whose command line has a text.</summary>
    public static IReadOnlyList<int> Find(string text) =>
        [.. Directory.EnumerateDirectories("/proc")
            .Select(directory => int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out int id) ? id : 0)
            .Where(id => id != 0 && CommandLineOf(id).Contains(text, StringComparison.Ordinal))];

    /// <summary>Asks those whose command line has a text to end, and waits until they have.</summary>
    public static async Task EndAsync(string text)
    {
        foreach (int id in Find(text))
        {
            await SignalAsync(id, "TERM");
        }

        while (Find(text).Count > 0)
        {
            await Task.Delay(10);
        }
    }

    /// <summary>Sends a signal to a process, if it is still there.</summary>
    public static async Task SignalAsync(int id, string signal)
    {
        using Process kill = Process.Start(
            new ProcessStartInfo("kill", ["-" + signal, id.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardError = true })!;
        await kill.WaitForExitAsync();
    }

    /// <summary>Kills a process and waits until nothing of it is open any more: its files, sockets and mounts go one after the other.</summary>
    public static async Task KillAsync(int id)
    {
        await SignalAsync(id, "KILL");
        while (StateOf(id) is not ('Z' or 'X' or ' ') || CountThreads(id) > 1) // the last thread closes them, which the first one need not be
        {
            await Task.Delay(1);
        }
    }

    /// <summary>Whether a process has been stopped by a signal (SIGSTOP).</summary>
    public static bool IsStopped(int id) => StateOf(id) == 'T';

    private static int CountThreads(int id)
    {
        try
        {
            return Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/task")).Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    // As in proc_pid_stat(5); a blank when there is no such process.
    private static char StateOf(int id)
    {
        try
        {
            string status = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            return status[status.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return ' ';
        }
    }

    private static string CommandLineOf(int id)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/cmdline"));
        }
        catch (IOException)
        {
            return ""; // It has gone meanwhile.
        }
    }
}
