using Depot.Abstractions;
using Depot.Generated;
using Depot.Model;
using Depot.Shared;

namespace Depot.Storage;

/// <summary>Keeps items in memory.</summary>
public sealed class ItemStore : IStore<Item>
{
    private readonly SortedDictionary<string, Item> _items = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public IReadOnlyList<Item> All => [.. _items.Values];

    /// <summary>How much there is room for.</summary>
    public static decimal Capacity => LimitsTable.ShelvesPerRoom * LimitsTable.ItemsPerShelf;

    /// <summary>Names of the columns of a stored row.</summary>
    public static IReadOnlyList<string> Columns => RowColumns.All;

    /// <inheritdoc/>
    public bool Add(Item item) => _items.TryAdd(item.Sku, item);

    /// <summary>A checksum over all names.</summary>
    public unsafe uint Checksum()
    {
        string text = string.Join('\n', _items.Keys);
        fixed (char* first = text)
        {
            return Checksums.Fletcher(new ReadOnlySpan<byte>(first, text.Length * sizeof(char)));
        }
    }
}

/// <summary>An item as it is stored.</summary>
[Table]
public sealed record Row(string Sku, string Name, long Grams);
