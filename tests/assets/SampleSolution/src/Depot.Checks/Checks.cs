using System.Globalization;
using Depot.Model;
using Depot.Storage;
using Depot.Text;
using Depot.Units;

int failed = 0;
Check("a long item is bulky", new Item("a", "A", 1, new Länge(2_000)).IsBulky);
Check("a generated table is there", ItemStore.Capacity == 2_880m);
Check("generated columns are there", ItemStore.Columns.SequenceEqual(["Sku", "Name", "Grams"]));
Check("an embedded table is there", UnitTable.Symbols["Fläche"] == "m²");
Check("a satellite assembly is there", Messages.Greeting(CultureInfo.GetCultureInfo("de"), "X") == "Willkommen in X");
Check("an embedded template is there", Messages.Template("invoice").StartsWith("Invoice", StringComparison.Ordinal));
Check("the key has signed", typeof(Depot.Abstractions.IItem).Assembly.GetName().GetPublicKeyToken() is { Length: 8 });
Console.WriteLine($"{failed} failed");
return failed;

void Check(string what, bool holds)
{
    if (!holds)
    {
        failed++;
        Console.WriteLine("FAILED: " + what);
    }
}
