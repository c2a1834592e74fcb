using System.Diagnostics;
using System.Globalization;

namespace Repr.Workspaces.Tests;

/// <summary>The launcher of sandboxes and what it has forked, also what has ended and nobody has waited for.</summary>
internal static class LauncherProcesses
{
    /// <summary>All on this machine, with their parents.</summary>
    public static (int Id, int Parent)[] All() =>
        [.. Process.GetProcesses().Where(static process => process.ProcessName == "repr-launch").Select(static process => (process.Id, ParentOf(process.Id)))];

    /// <summary>How many of them come from this process.</summary>
    public static int CountOwn()
    {
        Dictionary<int, int> parents = All().ToDictionary(static process => process.Id, static process => process.Parent);
        return parents.Keys.Count(IsOwn);

        bool IsOwn(int process) => process == Environment.ProcessId || (parents.TryGetValue(process, out int parent) && IsOwn(parent));
    }

    private static int ParentOf(int process)
    {
        try
        {
            string[] words = File.ReadAllText($"/proc/{process}/stat").Split(") ")[^1].Split(' ');
            return int.Parse(words[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // ended meanwhile
        }
    }
}
