using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Depot.Model;
using Depot.Text;

namespace Depot.Reports;

/// <summary>Writes about shelves.</summary>
public sealed partial class ShelfReport(CultureInfo culture)
{
    private readonly int _written = 0;

    [GeneratedRegex("[^a-z0-9]+", RegexOptions.CultureInvariant)]
    private static partial Regex NotPlain();

    /// <summary>A name that can stand in a file name.</summary>
    public static string Plain(string name) => NotPlain().Replace(name, "-").Trim('-');

    /// <summary>The whole text.</summary>
    public string Write(IEnumerable<Shelf> shelves)
    {
        StringBuilder text = new();
        foreach (Shelf shelf in shelves)
        {
            text.Append(culture, $"{shelf.Name}: {Messages.Count(culture, shelf.Items.Count)}\n");
            foreach (IGrouping<char, long> group in shelf.MassByInitial().OrderBy(group => group.Key))
            {
                text.Append(culture, $"  {group.Key} {group.Sum():N0} g\n");
            }
        }

        return text.ToString();
    }
}
