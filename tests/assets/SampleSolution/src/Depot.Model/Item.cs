using Depot.Abstractions;
using Depot.Units;

namespace Depot.Model;

/// <summary>An item with its size.</summary>
public sealed record Item(string Sku, string Name, long Grams, Länge Longest) : IItem
{
    internal bool IsBulky => Longest.Millimeter > 1_200 || Grams > 25_000;
}

/// <summary>A place where items lie.</summary>
public sealed class Shelf(string name, int capacity)
{
    private readonly List<Item> _items = new(capacity);

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>What lies on it.</summary>
    public IReadOnlyList<Item> Items => _items;

    /// <summary>Puts an item on it.</summary>
    /// <returns>False when it is full.</returns>
    public bool TryPut(Item item)
    {
        if (_items.Count == capacity)
        {
            return false;
        }

        _items.Add(item);
        return true;
    }

    /// <summary>The mass of everything on it, by initial letter of the name.</summary>
    public ILookup<char, long> MassByInitial() => _items.ToLookup(item => item.Name[0], item => item.Grams);
}
