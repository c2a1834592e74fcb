using System.Globalization;
using System.Text.Json;

namespace Repr.Bench.Peers;

/// <summary>
/// A network namespace for the workers: they are another machine for every tool, and what crosses the line can be counted in the same way
/// for all. Without a delay the line is a pair of virtual devices of the kernel, with one a <see cref="TunLine"/>. The addresses are of
/// those reserved for benchmarks (RFC 2544). Disposing it removes it.
/// </summary>
internal sealed class WorkerNetwork : IAsyncDisposable
{
    /// <summary>Address of the workers.</summary>
    public const string WorkerAddress = "198.18.41.2";

    /// <summary>Address of the requester's side.</summary>
    public const string RequesterAddress = "198.18.41.1";

    /// <summary>Address of the workers for the second machine.</summary>
    public const string WorkerAddressForSecond = "198.18.42.2";

    private const string SecondAddress = "198.18.42.1";

    private readonly NetworkNamespace _namespace = new("reprc", RequesterAddress, WorkerAddress);
    private TunLine? _line;
    private bool _hasSecond;

    private WorkerNetwork()
    {
    }

    /// <summary>What is put before a command so that it runs where the workers are.</summary>
    public IReadOnlyList<string> CommandPrefix => _namespace.CommandPrefix;

    /// <summary>What is put before a command so that it runs on the second machine, after <see cref="AddSecondAsync"/>.</summary>
    public IReadOnlyList<string> SecondCommandPrefix => ["ip", "netns", "exec", Second];

    /// <summary>Name of the namespace.</summary>
    public string Name => _namespace.Name;

    private string Second => _namespace.Name + "b";

    /// <summary>Makes one.</summary>
    /// <param name="roundTrip">Added to each round trip; zero: nothing.</param>
    /// <param name="cancellationToken">Stops the making; nothing is left.</param>
    /// <exception cref="BenchException">It can't be made.</exception>
    public static async Task<WorkerNetwork> CreateAsync(TimeSpan roundTrip, CancellationToken cancellationToken)
    {
        WorkerNetwork network = new();
        try
        {
            if (roundTrip > TimeSpan.Zero)
            {
                network._line = TunLine.Open(network._namespace.Name, network._namespace.InnerDevice, roundTrip / 2);
            }

            await network._namespace.CreateAsync(hasDevices: network._line is not null, cancellationToken);
            return network;
        }
        catch (Exception refused) when (refused is BenchException or IOException)
        {
            await network.DisposeAsync();
            throw new BenchException($"No network for the workers: {refused.Message}");
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds a second machine of requesters, with a line of its own to the workers, without a delay.</summary>
    /// <exception cref="BenchException">The system refuses.</exception>
    public async Task AddSecondAsync(CancellationToken cancellationToken)
    {
        _hasSecond = true;
        foreach (string command in new[]
        {
            $"ip netns add {Second}",
            $"ip -n {Name} link add second type veth peer name eth0 netns {Second}",
            $"ip -n {Name} addr add {WorkerAddressForSecond}/30 dev second",
            $"ip -n {Name} link set second up",
            $"ip -n {Second} addr add {SecondAddress}/30 dev eth0",
            $"ip -n {Second} link set lo up",
            $"ip -n {Second} link set eth0 up",
        })
        {
            await NetworkNamespace.RunAsync(command, cancellationToken);
        }
    }

    /// <summary>Bytes that crossed the line so far, headers included.</summary>
    public WireBytes Count() => new(Statistic("tx_bytes"), Statistic("rx_bytes"));

    /// <summary>Bytes that crossed the second machine's line so far.</summary>
    /// <exception cref="BenchException">There is no second machine.</exception>
    public async Task<WireBytes> CountSecondAsync(CancellationToken cancellationToken)
    {
        ChildProcess run = await ChildProcess.RunAsync("ip", ["-n", Second, "-s", "-j", "link", "show", "dev", "eth0"], cancellationToken);
        if (run.ExitCode != 0)
        {
            throw new BenchException($"The second machine's bytes can't be counted: {run.Output.Trim()}");
        }

        using JsonDocument devices = JsonDocument.Parse(run.Output);
        JsonElement statistics = devices.RootElement[0].GetProperty("stats64");
        return new WireBytes(BytesOf("tx"), BytesOf("rx"));

        long BytesOf(string direction) => statistics.GetProperty(direction).GetProperty("bytes").GetInt64();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_hasSecond)
        {
            await ChildProcess.RunAsync("ip", ["netns", "del", Second], CancellationToken.None);
        }

        await _namespace.DisposeAsync();
        _line?.Dispose();
    }

    private long Statistic(string which) =>
        long.Parse(File.ReadAllText($"/sys/class/net/{_namespace.Name}/statistics/{which}"), CultureInfo.InvariantCulture);
}
