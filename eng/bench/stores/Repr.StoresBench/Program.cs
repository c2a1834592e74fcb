using System.CommandLine;
using System.Globalization;
using System.Text;
using Repr.StoresBench;
using Repr.Testing.Servers;

Option<int> rounds = new("--rounds") { Description = "Rounds that count", DefaultValueFactory = static _ => 9 };
Option<string[]> stores = new("--store") { Description = "redis, s3, azure; may be given again; without: all", DefaultValueFactory = static _ => [] };
RootCommand root = new("Measures the store plugins beside their clients.") { rounds, stores };
root.SetAction(async (arguments, cancellationToken) =>
{
    List<Measurement> taken = [];
    string[] chosen = arguments.GetValue(stores) is { Length: > 0 } named ? named : [.. Backend.All.Keys];
    foreach (string name in chosen)
    {
        if (!Backend.All.TryGetValue(name, out Func<CancellationToken, Task<Backend>>? start))
        {
            await Console.Error.WriteLineAsync($"There is no store '{name}'; known: {string.Join(", ", Backend.All.Keys)}.");
            return 2;
        }

        Backend backend = await start(cancellationToken);
        await using StoreServer server = backend.Server;
        foreach ((int size, int count, int concurrency) in new[] { (4 << 10, backend.Small, 16), (8 << 20, backend.Large, 4) })
        {
            taken.AddRange(await Measurement.TakeAsync(backend, size, count, concurrency, arguments.GetValue(rounds), cancellationToken));
        }
    }

    string table = Table(taken);
    string folder = Path.Combine(Repr.Repository.Root, "artifacts/bench");
    Directory.CreateDirectory(folder);
    await File.WriteAllTextAsync(Path.Combine(folder, "stores.md"), table, cancellationToken);
    await Console.Out.WriteAsync(table);
    return 0;
});
return await root.Parse(args).InvokeAsync();

static string Table(List<Measurement> taken)
{
    StringBuilder text = new();
    text.Append("| Store | Operation | Client | Store | ratio | Store, verified | ratio |\n|---|---|--:|--:|--:|--:|--:|\n");
    foreach (Measurement one in taken)
    {
        bool isSmall = one.Size < 1 << 20;
        string Rate(string title) => isSmall
            ? string.Create(CultureInfo.InvariantCulture, $"{one.RateOf(title):N0} /s")
            : string.Create(CultureInfo.InvariantCulture, $"{one.RateOf(title) * one.Size / 1e6:N0} MB/s");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| {one.Store} | {one.Operation} {(isSmall ? "4 KiB" : "8 MiB")} | {Rate("client")} | {Rate("store")} | {one.RatioOf("store"):F2} | {Rate("store, verified")} | {one.RatioOf("store, verified"):F2} |\n");
    }

    return text.ToString();
}
