using System.Globalization;
using System.Reflection;

namespace Depot.Units;

/// <summary>A length in millimetres. Größer als null.</summary>
public readonly record struct Länge(long Millimeter) : IComparable<Länge>
{
    /// <summary>The longer of two.</summary>
    public static Länge Max(Länge a, Länge b) => a.CompareTo(b) >= 0 ? a : b;

    /// <inheritdoc/>
    public int CompareTo(Länge other) => Millimeter.CompareTo(other.Millimeter);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Millimeter / 1000.0:0.###} m");
}

/// <summary>What is written in the embedded table.</summary>
public static class UnitTable
{
    /// <summary>Quantity to symbol.</summary>
    public static IReadOnlyDictionary<string, string> Symbols { get; } = Load();

    private static Dictionary<string, string> Load()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Depot.Units.maße.txt")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(';'))
            .ToDictionary(parts => parts[0], parts => parts[2]);
    }
}
