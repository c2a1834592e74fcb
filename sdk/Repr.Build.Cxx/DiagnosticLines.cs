using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace Repr.Build.Cxx;

/// <summary>One line of a compiler's or linker's text that is an error, a warning or a note.</summary>
/// <param name="Kind">"error", "warning" or "note".</param>
/// <param name="Code">As in "C4100" or "-Wunused"; may be empty.</param>
/// <param name="File">As the tool wrote it; the tool's name where it speaks of no file.</param>
/// <param name="Line">0: none.</param>
/// <param name="Column">0: none.</param>
/// <param name="Text">The message.</param>
internal sealed record Diagnostic(string Kind, string Code, string File, int Line, int Column, string Text);

/// <summary>Turns the text of GCC, Clang, cl.exe, clang-cl and of linkers into errors and warnings of the build.</summary>
internal static class DiagnosticLines
{
    // Not generated ones: the .NET Framework has no generator.
    private static readonly Regex GccPattern = new(@"^(?<file>[^\s(][^(]*?):(?<line>\d+):(?:(?<column>\d+):)? (?<kind>fatal error|error|warning|note): (?<text>.*)$");

    private static readonly Regex ClPattern = new(@"^\s*(?<file>\S.*?)\((?<line>\d+)(?:,\s?(?<column>\d+))?\)\s?:\s+(?<kind>fatal error|error|warning|note)(?: (?<code>[A-Z]+\d+))?\s?: (?<text>.*)$");

    // "collect2: error: ld returned 1", "LINK : fatal error LNK1104: cannot open", "lld-link: error: undefined symbol: f"
    private static readonly Regex ToolPattern = new(@"^(?<file>[\w+./\\-]+(?:\.exe)?)\s?: (?<kind>fatal error|error|warning)(?: (?<code>[A-Z]+\d+))?\s?: (?<text>.*)$");

    // "/usr/bin/ld: main.o: in function `main':", then "main.cpp:(.text+0x5): undefined reference to `f()'"
    private static readonly Regex UndefinedPattern = new(@"^(?:\S*/?ld(?:\.\w+)?: )?(?<file>\S+?):?(?::\(\.[^)]*\): | )(?<text>undefined reference to .*)$");

    private static readonly Regex FlagPattern = new(@"\[-W(?:error=|error,-W)?(?<flag>[\w+=-]+)\]$");

    /// <summary>What a line says; null for context (source lines, "In file included from").</summary>
    public static Diagnostic? Parse(string line)
    {
        Match match = GccPattern.Match(line);
        if (!match.Success)
        {
            match = ClPattern.Match(line);
        }

        if (!match.Success)
        {
            match = ToolPattern.Match(line);
        }

        if (!match.Success)
        {
            match = UndefinedPattern.Match(line);
            return match.Success ? new Diagnostic("error", "", match.Groups["file"].Value, 0, 0, match.Groups["text"].Value) : null;
        }

        string text = match.Groups["text"].Value;
        string code = match.Groups["code"].Value;
        return new Diagnostic(
            match.Groups["kind"].Value.Split(' ')[^1],
            code.Length > 0 ? code : FlagPattern.Match(text) is { Success: true } flag ? "-W" + flag.Groups["flag"].Value : "",
            match.Groups["file"].Value,
            Number(match.Groups["line"]),
            Number(match.Groups["column"]),
            text);
    }

    /// <summary>Logs a tool's text.</summary>
    /// <param name="log">The task's log.</param>
    /// <param name="text">What the tool wrote.</param>
    /// <param name="directory">What relative paths are relative to.</param>
    /// <returns>True when there was an error in it.</returns>
    public static bool Log(TaskLoggingHelper log, string text, string directory)
    {
        bool hasError = false;
        using StringReader reader = new(text);
        while (reader.ReadLine() is { } line)
        {
            Diagnostic? diagnostic = Parse(line);
            string file = diagnostic is null ? "" : diagnostic.Line > 0 ? Path.GetFullPath(diagnostic.File, directory) : diagnostic.File;
            switch (diagnostic?.Kind)
            {
                case "error":
                    hasError = true;
                    log.LogError(null, diagnostic.Code, null, file, diagnostic.Line, diagnostic.Column, 0, 0, "{0}", diagnostic.Text);
                    break;
                case "warning":
                    log.LogWarning(null, diagnostic.Code, null, file, diagnostic.Line, diagnostic.Column, 0, 0, "{0}", diagnostic.Text);
                    break;
                case "note":
                    log.LogMessage(null, diagnostic.Code, null, file, diagnostic.Line, diagnostic.Column, 0, 0, MessageImportance.High, "note: {0}", diagnostic.Text);
                    break;
                default:
                    log.LogMessage(MessageImportance.Normal, "{0}", line);
                    break;
            }
        }

        return hasError;
    }

    private static int Number(Group group) => group.Success ? int.Parse(group.Value, CultureInfo.InvariantCulture) : 0;
}
