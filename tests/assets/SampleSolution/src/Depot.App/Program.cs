using System.Globalization;
using Depot.Model;
using Depot.Services;
using Depot.Text;
using Depot.Units;

namespace Depot.App;

/// <summary>Shows a day in the warehouse.</summary>
public static class Program
{
    /// <summary>Runs it.</summary>
    public static async Task<int> Main(string[] args)
    {
        CultureInfo culture = CultureInfo.GetCultureInfo(args.FirstOrDefault() ?? "en");
        Console.WriteLine(Messages.Greeting(culture, "Depot"));
        Warehouse warehouse = new();
        Console.WriteLine(await warehouse.ReceiveAsync(new Item("B-7", "Bohrer", 1_250, new Länge(310)), CancellationToken.None));
        Console.WriteLine(await warehouse.ReceiveAsync(new Item("L-2", "Leiter", 14_000, new Länge(3_200)), CancellationToken.None));
        Console.Write(warehouse.Report(culture));
        Console.WriteLine(Warehouse.WayTo("A-1"));
        return 0;
    }
}
