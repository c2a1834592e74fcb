using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Repr.Bench;

namespace Repr.Cases;

/// <summary>The results, as Markdown and as JSON.</summary>
/// <param name="options">Where they are written.</param>
internal sealed class Report(CasesOptions options)
{
    private static readonly JsonSerializerOptions s_form = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The cases so far.</summary>
    public List<Row> Rows { get; } = [];

    /// <summary>The costs so far.</summary>
    public List<Cost> Costs { get; } = [];

    /// <summary>Whether all cases that can run here ran remotely with Repr, with the results of local runs.</summary>
    public bool IsReprPerfect => Rows.TrueForAll(row =>
        !row.Cells.TryGetValue("repr", out Cell? cell) || (cell.Remote == row.Case.Commands && cell.Differences.Count == 0));

    /// <summary>The line of a case.</summary>
    public string RowOf(Row row)
    {
        string title = $"{row.Case.Name[..2]} {row.Case.Title.Replace("|", "\\|", StringComparison.Ordinal)}";
        IEnumerable<string> cells = row.NotHere is not null
            ? options.Tools.Select(_ => "–")
            : options.Tools.Select(tool => CellOf(row, tool));
        string local = row.NotHere is not null ? $"not here: {row.NotHere}"
            : row.NotRepeatable.Count == 0 ? "yes"
            : "no: " + string.Join(", ", row.NotRepeatable);
        return $"| {title} | {local} | {string.Join(" | ", cells)} |";
    }

    /// <summary>The line of a cost.</summary>
    public static string RowOf(Cost cost) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {cost.Tool} | {cost.Language} | {(cost.Pass == 0 ? "first" : cost.Pass)} | {cost.Remote} of {Cases.Costs.Files} "
            + $"| {cost.CpuMs:F1} | {cost.WallMs:F0} | {cost.Device.Sent} | {cost.Device.Received} "
            + $"| {(cost.Payload is WireBytes bytes ? $"{bytes.Sent} + {bytes.Received}" : "–")} |");

    /// <summary>Writes results.md and results.json.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Path.Combine(options.Artifacts, "results.md"), ToMarkdown(), cancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(options.Artifacts, "results.json"),
            JsonSerializer.Serialize(new { Rows, Costs }, s_form),
            cancellationToken);
    }

    private static string CellOf(Row row, string tool)
    {
        Cell cell = row.Cells[tool];
        string remote = cell.Remote == row.Case.Commands ? "yes"
            : cell.Remote == 0 ? "no"
            : string.Create(CultureInfo.InvariantCulture, $"{cell.Remote} of {row.Case.Commands}");
        string note = cell.Note is null ? string.Empty : $" ({cell.Note})";
        string same = cell.Differences.Count > 0 ? "**no**: " + string.Join(", ", cell.Differences)
            : row.NotRepeatable.Count > 0 ? "rest yes"
            : "yes";
        return $"{remote}{note} / {same}";
    }

    private string ToMarkdown()
    {
        StringBuilder text = new();
        Line(text, $"{Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {DateTime.UtcNow:yyyy-MM-dd}.");
        Line(text, "");
        if (Rows.Count > 0)
        {
            Line(text, $"{Rows.Count(row => row.NotHere is null)} cases of {Rows.Count}. Each cell: remote? / identical to a local run?");
            Line(text, "");
            Line(text, $"| Case | Repeatable locally | {string.Join(" | ", options.Tools)} |");
            Line(text, "|---|---|" + string.Concat(options.Tools.Select(_ => "---|")));
            foreach (Row row in Rows)
            {
                Line(text, RowOf(row));
            }

            Line(text, Totals("Remote and identical", (row, cell) => cell.Remote == row.Case.Commands && cell.Differences.Count == 0));
            Line(text, Totals("Not remote, or not all commands", (row, cell) => cell.Remote < row.Case.Commands));
            Line(text, Totals("Different", (_, cell) => cell.Differences.Count > 0));
            Line(text, "");
        }

        if (Costs.Count > 0)
        {
            Line(text, $"Per compile, mean over {Cases.Costs.Files} files, one after the other.");
            Line(text, "");
            Line(text, "| Tool | Language | Pass | Remote | CPU of the requester's side ms | Wall ms | Sent | Received bytes | Payload |");
            Line(text, "|---|---|--:|--:|--:|--:|--:|--:|--:|");
            foreach (Cost cost in Costs)
            {
                Line(text, RowOf(cost));
            }
        }

        return text.ToString();
    }

    private string Totals(string title, Func<Row, Cell, bool> counts)
    {
        List<Row> here = [.. Rows.Where(row => row.NotHere is null)];
        IEnumerable<int> sums = options.Tools.Select(tool => here.Count(row => counts(row, row.Cells[tool])));
        return $"| **{title}** | | {string.Join(" | ", sums)} |";
    }

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
