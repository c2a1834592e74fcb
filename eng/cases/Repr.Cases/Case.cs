using System.Text.RegularExpressions;
using Repr.Bench;

namespace Repr.Cases;

/// <summary>One case: a script that makes its sources and runs commands, of which those after <c>$RUN</c> are measured.</summary>
/// <param name="Name">As in "05-generated-header-changes".</param>
/// <param name="Title">For people: the first line of the script.</param>
/// <param name="Script">Where it is.</param>
/// <param name="Commands">How many of its commands are measured.</param>
internal sealed partial record Case(string Name, string Title, string Script, int Commands)
{
    /// <summary>Reads the cases in the order of their numbers.</summary>
    /// <exception cref="BenchException">There is none.</exception>
    public static IReadOnlyList<Case> ReadAll(CasesOptions options)
    {
        List<Case> cases = [];
        foreach (string script in Directory.EnumerateFiles(Path.Combine(options.Scripts, "cases"), "*.sh").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(script);
            if (options.Only is null || name.Contains(options.Only, StringComparison.Ordinal))
            {
                string text = File.ReadAllText(script);
                string title = text[..text.IndexOf('\n', StringComparison.Ordinal)].TrimStart('#', ' ');
                cases.Add(new Case(name, title, script, Measured().Count(text)));
            }
        }

        return cases.Count > 0 ? cases : throw new BenchException($"No case's name contains '{options.Only}'.");
    }

    [GeneratedRegex(@"\$RUN\b")]
    private static partial Regex Measured();
}
