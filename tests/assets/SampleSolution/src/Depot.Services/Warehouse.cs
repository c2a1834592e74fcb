using System.Globalization;
using Depot.Legacy;
using Depot.Messaging;
using Depot.Model;
using Depot.Pricing;
using Depot.Reports;
using Depot.Routing;
using Depot.Storage;
using Depot.Units;

namespace Depot.Services;

/// <summary>Everything together.</summary>
public sealed class Warehouse
{
    private readonly ItemStore _store = new();
    private readonly Shelf _shelf = new("A-1", (int)ItemStore.Capacity);
    private readonly Channel<string> _log = new();

    /// <summary>Takes an item in.</summary>
    public async Task<string> ReceiveAsync(Item item, CancellationToken cancellationToken)
    {
        bool added = _store.Add(item) && _shelf.TryPut(item);
        _log.Send(added ? $"{item.Sku} for {Tariff.PriceOf(item).ToString("0.00", CultureInfo.InvariantCulture)}" : $"{item.Sku} refused");
        return await _log.ReceiveAsync(cancellationToken);
    }

    /// <summary>A report in a language.</summary>
    public string Report(CultureInfo culture)
    {
        Inventur inventur = new();
        inventur.Add(_shelf);
        return new ShelfReport(culture).Write([_shelf]) + inventur.Line() + "\n";
    }

    /// <summary>The way from the door to a shelf, in metres.</summary>
    public static Länge WayTo(string shelf)
    {
        Graph<long> graph = new();
        graph.Connect("door", "hall", 12_000);
        graph.Connect("hall", shelf, 8_500);
        return new Länge(graph.CheapestOrDefault("door", shelf, 0));
    }
}
