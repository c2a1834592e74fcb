using System.Globalization;

namespace Repr.Bench;

/// <summary>Medians, and how figures are written.</summary>
internal static class Figures
{
    /// <summary>The middle of what is known; null: nothing is.</summary>
    public static double? Median(IEnumerable<double?> figures)
    {
        List<double> known = [.. figures.OfType<double>().Order()];
        return known.Count == 0 ? null : (known[(known.Count - 1) / 2] + known[known.Count / 2]) / 2;
    }

    /// <summary>As in "4.5 (4.2)"; "–": not known.</summary>
    public static string Spread(double? median, double? minimum) => median is null ? "–" : Invariant($"{median:F1} ({minimum:F1})");

    /// <summary>A number; "–": not known.</summary>
    public static string Number(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? "–";

    /// <summary>A line of a table of Markdown.</summary>
    public static string Row(params IEnumerable<string> cells) =>
        "| " + string.Join(" | ", cells.Select(static cell => cell.Replace("|", "\\|", StringComparison.Ordinal))) + " |\n";

    /// <summary>The head of a table: the first column is text, all others numbers.</summary>
    public static string Head(params IReadOnlyList<string> titles) =>
        Row(titles) + "|---|" + string.Concat(Enumerable.Repeat("--:|", titles.Count - 1)) + "\n";

    /// <summary>For programs and people alike.</summary>
    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
