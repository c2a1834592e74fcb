using System.Globalization;
using Repr.Bench;

namespace Repr.Cases;

/// <summary>
/// A network namespace for the workers, reached over a pair of virtual devices: icecc must see two machines, and what crosses the pair can
/// be counted in the same way for all. The addresses are of those reserved for benchmarks (RFC 2544). Disposing it removes it.
/// </summary>
internal sealed class WorkerNetwork : IAsyncDisposable
{
    /// <summary>Address of the workers.</summary>
    public const string WorkerAddress = "198.18.41.2";

    /// <summary>Address of the requester's side.</summary>
    public const string RequesterAddress = "198.18.41.1";

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"reprc{Environment.ProcessId}");

    private WorkerNetwork()
    {
    }

    /// <summary>What is put before a command so that it runs in the namespace.</summary>
    public IReadOnlyList<string> CommandPrefix => ["ip", "netns", "exec", _name];

    /// <summary>Makes one.</summary>
    /// <exception cref="BenchException">It can't be made.</exception>
    public static async Task<WorkerNetwork> CreateAsync(CancellationToken cancellationToken)
    {
        WorkerNetwork network = new();
        string name = network._name;
        string inner = name + "w";
        string[] commands =
        [
            $"ip netns add {name}",
            $"ip link add {name} type veth peer name {inner} netns {name}",
            $"ip addr add {RequesterAddress}/30 dev {name}",
            $"ip link set {name} up",
            $"ip -n {name} addr add {WorkerAddress}/30 dev {inner}",
            $"ip -n {name} link set lo up",
            $"ip -n {name} link set {inner} up",
        ];
        try
        {
            foreach (string command in commands)
            {
                string[] words = command.Split(' ');
                ChildProcess run = await ChildProcess.RunAsync(words[0], words[1..], cancellationToken);
                if (run.ExitCode != 0)
                {
                    throw new BenchException($"No network for the workers: `{command}` says: {run.Output.Trim()}");
                }
            }

            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Bytes that crossed the pair so far, headers included.</summary>
    public WireBytes Count() => new(Statistic("tx_bytes"), Statistic("rx_bytes"));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ChildProcess.RunAsync("ip", ["link", "del", _name], CancellationToken.None);
        await ChildProcess.RunAsync("ip", ["netns", "del", _name], CancellationToken.None);
    }

    private long Statistic(string which) =>
        long.Parse(File.ReadAllText($"/sys/class/net/{_name}/statistics/{which}"), CultureInfo.InvariantCulture);
}
