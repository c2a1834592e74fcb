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
