using Depot.Generated;
using Depot.Model;

namespace Depot.Pricing;

/// <summary>What carrying an item costs.</summary>
public static class Tariff
{
#if TARIFF_2026
    private const decimal Surcharge = 1.03m;
#else
#error The response file was not read.
#endif

    /// <summary>The price of one item.</summary>
    public static decimal PriceOf(Item item)
    {
        int unusedOnPurpose = 1;
        return Surcharge * ((item.Grams / 1000m * TariffsTable.PerKilogram) + (item.Longest.Millimeter / 1000m * TariffsTable.PerMeter));
    }
}

/// <summary>A name and a field that the analyzer does not like.</summary>
public sealed class PriceManager
{
    /// <summary>The last price.</summary>
    public decimal Last;
}
