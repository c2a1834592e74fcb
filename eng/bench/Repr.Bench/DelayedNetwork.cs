using System.Globalization;

namespace Repr.Bench;

/// <summary>
/// A network namespace that is reached over a pair of virtual devices, each of which delays what it sends by half a round trip
/// (tc-netem(8)). The names hold this process's id, the addresses are those reserved for benchmarks (RFC 2544, 198.18.0.0/15). Disposing
/// it removes it.
/// </summary>
internal sealed class DelayedNetwork : IAsyncDisposable
{
    /// <summary>Address within the namespace.</summary>
    public const string WorkerAddress = "198.18.37.2";

    private const string RequesterAddress = "198.18.37.1";

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"reprb{Environment.ProcessId}");

    private DelayedNetwork()
    {
    }

    /// <summary>What is put before a command so that it runs in the namespace.</summary>
    public IReadOnlyList<string> CommandPrefix => ["ip", "netns", "exec", _name];

    /// <summary>Makes one.</summary>
    /// <returns>The network, or a sentence that says why there is none.</returns>
    public static async Task<(DelayedNetwork? Network, string? WhyNot)> CreateAsync(int roundTripMs, CancellationToken cancellationToken)
    {
        if (Environment.UserName != "root")
        {
            return (null, "No delay was added: a network namespace needs root.");
        }

        DelayedNetwork network = new();
        string delay = string.Create(CultureInfo.InvariantCulture, $"{roundTripMs * 500}us");
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
            $"tc qdisc add dev {name} root netem delay {delay} limit 100000",
            $"tc -n {name} qdisc add dev {inner} root netem delay {delay} limit 100000",
        ];
        try
        {
            foreach (string command in commands)
            {
                string[] words = command.Split(' ');
                ChildProcess run = await ChildProcess.RunAsync(words[0], words[1..], cancellationToken);
                if (run.ExitCode != 0)
                {
                    await network.DisposeAsync();
                    string why = words[0] == "tc" ? "the kernel has no netem (CONFIG_NET_SCH_NETEM)" : "no network namespace can be made";
                    return (null, $"No delay was added: {why}; `{command}` says: {run.Output.ReplaceLineEndings(" ").Trim()}");
                }
            }

            return (network, null);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            await network.DisposeAsync();
            return (null, $"No delay was added: ip and tc of iproute2 are needed ({exception.Message}).");
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            // The device goes with its peer; asked for by name all the same, since the namespace outlives a process that is still in it.
            await ChildProcess.RunAsync("ip", ["link", "del", _name], CancellationToken.None);
            await ChildProcess.RunAsync("ip", ["netns", "del", _name], CancellationToken.None);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // Without ip, nothing was made.
        }
    }
}
