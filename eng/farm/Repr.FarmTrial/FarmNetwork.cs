using System.Globalization;
using System.Text.RegularExpressions;
using Repr.Bench;

namespace Repr.FarmTrial;

/// <summary>
/// A network for the farm: a bridge with requesters and Redis on this side, and each worker in a network namespace behind a port of the bridge, which can be cut.
/// The addresses are those reserved for benchmarks (RFC 2544, 198.18.0.0/15). Disposing it removes all of it.
/// </summary>
internal sealed partial class FarmNetwork : IAsyncDisposable
{
    /// <summary>Address of this side.</summary>
    public const string Here = "198.18.7.1";

    private static readonly string s_bridge = string.Create(CultureInfo.InvariantCulture, $"rf{Environment.ProcessId}");

    private static readonly string[] s_namedBy = ["/sys/class/net", "/run/netns"]; // devices and namespaces, an entry each

    private readonly int _workers;

    private FarmNetwork(int workers) => _workers = workers;

    /// <summary>Makes one.</summary>
    /// <exception cref="BenchException">The system refuses.</exception>
    public static async Task<FarmNetwork> CreateAsync(int workers, CancellationToken cancellationToken)
    {
        FarmNetwork network = new(workers);
        try
        {
            await RemoveLeftAsync(cancellationToken);
            await AllowNeighboursAsync(workers * workers, cancellationToken);
            await RunAsync($"ip link add {s_bridge} type bridge", cancellationToken);
            await RunAsync($"ip addr add {Here}/24 dev {s_bridge}", cancellationToken);
            await RunAsync($"ip link set {s_bridge} up", cancellationToken);
            for (int worker = 0; worker < workers; worker++)
            {
                await RunAsync($"ip netns add {Name(worker)}", cancellationToken);
                await RunAsync($"ip link add {Name(worker)} type veth peer name eth0 netns {Name(worker)}", cancellationToken);
                await RunAsync($"ip link set {Name(worker)} master {s_bridge} up", cancellationToken);
                await RunAsync($"ip -n {Name(worker)} addr add {AddressOf(worker)}/24 dev eth0", cancellationToken);
                await RunAsync($"ip -n {Name(worker)} link set lo up", cancellationToken);
                await RunAsync($"ip -n {Name(worker)} link set eth0 up", cancellationToken);
            }

            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>A worker's address.</summary>
    public static string AddressOf(int worker) => string.Create(CultureInfo.InvariantCulture, $"198.18.7.{10 + worker}");

    /// <summary>What is put before a command so that it runs where a worker is.</summary>
    public static IReadOnlyList<string> CommandPrefixOf(int worker) => ["ip", "netns", "exec", Name(worker)];

    /// <summary>Cuts a worker off, or joins it again. What is sent meanwhile is lost without a word.</summary>
    public static Task SetCutAsync(int worker, bool isCut, CancellationToken cancellationToken) =>
        RunAsync($"ip link set {Name(worker)} {(isCut ? "down" : "up")}", cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        for (int worker = 0; worker < _workers; worker++)
        {
            await RemoveAsync(Name(worker), CancellationToken.None);
        }

        await RemoveAsync(s_bridge, CancellationToken.None);
    }

    // What a trial left that was killed has the same addresses: packets would go there.
    private static async Task RemoveLeftAsync(CancellationToken cancellationToken)
    {
        string[] names =
        [
            .. s_namedBy.Where(Directory.Exists).SelectMany(Directory.GetFileSystemEntries)
                .Select(static path => Path.GetFileName(path)).Distinct(),
        ];
        foreach (string name in names)
        {
            Match owner = OwnerInName().Match(name);
            if (!owner.Success || (owner.Groups[2].Length == 0 && !Directory.Exists($"/sys/class/net/{name}/bridge")))
            {
                continue; // nothing of ours
            }

            if (IsTrial(owner.Groups[1].Value))
            {
                throw new BenchException($"Another trial runs here: process {owner.Groups[1].Value}. It has the same addresses; wait for its end.");
            }

            await RemoveAsync(name, cancellationToken);
        }

        static bool IsTrial(string process)
        {
            try
            {
                return process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
                    && File.ReadAllText($"/proc/{process}/cmdline").Contains("FarmTrial", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false; // it has ended
            }
        }
    }

    // The device and the namespace of this name, whichever there is.
    private static async Task RemoveAsync(string name, CancellationToken cancellationToken)
    {
        await ChildProcess.RunAsync("ip", ["link", "del", name], cancellationToken);
        await ChildProcess.RunAsync("ip", ["netns", "del", name], cancellationToken);
    }

    [GeneratedRegex(@"^rf(\d+)(w\d+)?$")]
    private static partial Regex OwnerInName();

    // The kernel's limit counts the neighbours of all namespaces together: arp(7), gc_thresh3. It is left raised.
    private static async Task AllowNeighboursAsync(int number, CancellationToken cancellationToken)
    {
        const string Limits = "/proc/sys/net/ipv4/neigh/default/gc_thresh";
        foreach (int limit in new[] { 3, 2, 1 })
        {
            string file = string.Create(CultureInfo.InvariantCulture, $"{Limits}{limit}");
            if (int.Parse(await File.ReadAllTextAsync(file, cancellationToken), CultureInfo.InvariantCulture) < 2 * number)
            {
                await File.WriteAllTextAsync(file, (2 * number).ToString(CultureInfo.InvariantCulture), cancellationToken);
            }
        }
    }

    private static string Name(int worker) => string.Create(CultureInfo.InvariantCulture, $"{s_bridge}w{worker}");

    private static async Task RunAsync(string command, CancellationToken cancellationToken)
    {
        string[] words = command.Split(' ');
        ChildProcess run = await ChildProcess.RunAsync(words[0], words[1..], cancellationToken);
        if (run.ExitCode != 0)
        {
            throw new BenchException($"`{command}` says: {run.Output.ReplaceLineEndings(" ").Trim()}");
        }
    }
}
