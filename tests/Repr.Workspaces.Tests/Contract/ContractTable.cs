using System.Collections.Concurrent;
using System.Text;

namespace Repr.Workspaces.Tests.Contract;

/// <summary>Which cases each kind was seen to keep in this run, and the table that docs/windows.md shows.</summary>
internal static class ContractTable
{
    /// <summary>The column of FUSE.</summary>
    public const string Fuse = "fuse";

    /// <summary>The column of copying.</summary>
    public const string Copying = "copying";

    /// <summary>The columns of the projected directory.</summary>
    public const string ProjectedOnLinux = "projfs (double, Linux)";

    /// <inheritdoc cref="ProjectedOnLinux"/>
    public const string ProjectedInWine = "projfs (double, Wine)";

    /// <summary>Names the file into which another process of the tests writes what it saw.</summary>
    public const string FileVariable = "REPR_CONTRACT_RESULTS";

    private static readonly ConcurrentDictionary<(string Kind, string Case), bool> s_kept = new();

    private static readonly (string Name, IReadOnlyDictionary<string, string> Impossible)[] s_kinds =
    [
        (Fuse, WorkspaceCases.ImpossibleOnFuse), (Copying, WorkspaceCases.ImpossibleOnCopying),
        (ProjectedOnLinux, WorkspaceCases.ImpossibleOnProjFs), (ProjectedInWine, WorkspaceCases.ImpossibleOnProjFs),
    ];

    /// <summary>Notes that a kind kept a case.</summary>
    public static void Kept(string kind, string name)
    {
        s_kept[(kind, name)] = true;
        if (Environment.GetEnvironmentVariable(FileVariable) is { Length: > 0 } file)
        {
            File.AppendAllText(file, $"{kind}\t{name}\n");
        }
    }

    /// <summary>Why a kind could not be tried on this machine; null when all could.</summary>
    public static string? Unavailable { get; set; }

    /// <summary>Notes what another process saw.</summary>
    public static void Take(string file)
    {
        foreach (string line in File.ReadAllLines(file))
        {
            string[] parts = line.Split('\t');
            s_kept[(parts[0], parts[1])] = true;
        }
    }

    /// <summary>What is neither kept nor impossible.</summary>
    public static string[] Missing() =>
    [
        .. from kind in s_kinds
           from workspaceCase in WorkspaceCases.All
           where !kind.Impossible.ContainsKey(workspaceCase.Name) && !s_kept.ContainsKey((kind.Name, workspaceCase.Name))
           select $"{kind.Name}: {workspaceCase.Name}",
    ];

    /// <summary>The table in Markdown, as far as this run saw it.</summary>
    public static string ToMarkdown()
    {
        List<string> reasons = [];
        StringBuilder text = new();
        text.Append("| case | ").AppendJoin(" | ", s_kinds.Select(kind => kind.Name)).Append(" |\n|---|");
        text.Insert(text.Length, "---|", s_kinds.Length).Append('\n');
        foreach (WorkspaceCase workspaceCase in WorkspaceCases.All)
        {
            text.Append("| ").Append(workspaceCase.Name).Append(" |");
            foreach ((string kind, IReadOnlyDictionary<string, string> impossible) in s_kinds)
            {
                text.Append(' ').Append(Cell(kind, impossible, workspaceCase.Name, reasons)).Append(" |");
            }

            text.Append('\n');
        }

        text.Append("\nThat a kind cannot have: ");
        text.AppendJoin("; ", reasons.Select((reason, i) => $"({(char)('a' + i)}) {reason}")).Append(".\n");
        return text.ToString();
    }

    private static string Cell(string kind, IReadOnlyDictionary<string, string> impossible, string name, List<string> reasons)
    {
        if (impossible.TryGetValue(name, out string? reason))
        {
            if (!reasons.Contains(reason))
            {
                reasons.Add(reason);
            }

            return $"({(char)('a' + reasons.IndexOf(reason))})";
        }

        return s_kept.ContainsKey((kind, name)) ? "yes" : "**no**";
    }
}
