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

    /// <summary>Whether a process has been stopped by a signal (SIGSTOP).</summary>
    public static bool IsStopped(int id)
    {
        try
        {
            string status = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            return status[(status.LastIndexOf(')') + 2)..].StartsWith('T'); // proc_pid_stat(5)
        }
        catch (IOException)
        {
            return false;
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
