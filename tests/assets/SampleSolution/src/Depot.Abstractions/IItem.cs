namespace Depot.Abstractions;

/// <include file="docs/items.xml" path="docs/member[@name='IItem']/*" />
public interface IItem
{
    /// <summary>Stock keeping unit.</summary>
    string Sku { get; }

    /// <summary>Mass in grams.</summary>
    long Grams { get; }
}

/// <include file="docs/items.xml" path="docs/member[@name='IClock']/*" />
public interface IClock
{
    /// <summary>Now, in UTC.</summary>
    DateTimeOffset Now { get; }
}

/// <summary>Keeps items.</summary>
/// <typeparam name="TItem">What is kept.</typeparam>
public interface IStore<TItem>
    where TItem : IItem
{
    /// <summary>All items, in the order of their stock keeping units.</summary>
    IReadOnlyList<TItem> All { get; }

    /// <summary>Adds an item.</summary>
    /// <returns>False when its stock keeping unit is taken.</returns>
    bool Add(TItem item);
}
