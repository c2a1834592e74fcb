using System.Globalization;
using System.Reflection;
using System.Resources;

namespace Depot.Text;

/// <summary>Texts in the reader's language.</summary>
public static class Messages
{
    private static readonly ResourceManager s_resources = new("Depot.Text.Messages", typeof(Messages).Assembly);

    /// <summary>A greeting.</summary>
    public static string Greeting(CultureInfo culture, string place) => string.Format(culture, s_resources.GetString("Greeting", culture)!, place);

    /// <summary>A number of items.</summary>
    public static string Count(CultureInfo culture, int count) => string.Format(culture, s_resources.GetString("Count", culture)!, count);

    /// <summary>An embedded file.</summary>
    public static string Template(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Depot.Text.Templates." + name + ".txt")
            ?? throw new ArgumentException("There is no such template.", nameof(name));
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
