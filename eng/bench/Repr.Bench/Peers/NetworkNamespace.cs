using System.Globalization;

namespace Repr.Bench.Peers;

/// <summary>
/// A network namespace that is reached over a pair of virtual devices. The names hold this process's id, the addresses are those reserved
/// for benchmarks (RFC 2544, 198.18.0.0/15). Disposing it removes it.
/// </summary>
/// <param name="prefix">Tells its names from those of others.</param>
/// <param name="outerAddress">Address of this side.</param>
/// <param name="innerAddress">Address within the namespace; both in one network of four.</param>
internal sealed class NetworkNamespace(string prefix, string outerAddress, string innerAddress) : IAsyncDisposable
{
    private const int LongQueue = 10_000;

    /// <summary>Its name, and that of the device of this side.</summary>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"{prefix}{Environment.ProcessId}");

    /// <summary>The name of the device within.</summary>
    public string InnerDevice => Name + "w";

    /// <summary>What is put before a command so that it runs in the namespace.</summary>
    public IReadOnlyList<string> CommandPrefix => ["ip", "netns", "exec", Name];

    /// <summary>Makes it.</summary>
    /// <param name="hasDevices">Both devices are there already, on this side; else a pair is made.</param>
    /// <param name="cancellationToken">Stops the making.</param>
    /// <exception cref="BenchException">The system refuses; the message names the command.</exception>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no ip.</exception>
    public async Task CreateAsync(bool hasDevices, CancellationToken cancellationToken)
    {
        string[] commands =
        [
            $"ip netns add {Name}",
            hasDevices ? $"ip link set {InnerDevice} netns {Name}" : $"ip link add {Name} type veth peer name {InnerDevice} netns {Name}",
            $"ip addr add {outerAddress}/30 dev {Name}",
            $"ip link set {Name} up",
            $"ip -n {Name} addr add {innerAddress}/30 dev {InnerDevice}",
            $"ip -n {Name} link set lo up",
            $"ip -n {Name} link set {InnerDevice} up",
            .. hasDevices
                ? new[] { $"ip link set {Name} txqueuelen {LongQueue}", $"ip -n {Name} link set {InnerDevice} txqueuelen {LongQueue}" }
                : [], // a tunnel's queue is read by a process that may be late
        ];
        foreach (string command in commands)
        {
            await RunAsync(command, cancellationToken);
        }
    }

    /// <summary>Runs a command of words that hold no spaces.</summary>
    /// <exception cref="BenchException">It fails.</exception>
    public static async Task RunAsync(string command, CancellationToken cancellationToken)
    {
        string[] words = command.Split(' ');
        ChildProcess run = await ChildProcess.RunAsync(words[0], words[1..], cancellationToken);
        if (run.ExitCode != 0)
        {
            throw new BenchException($"`{command}` says: {run.Output.ReplaceLineEndings(" ").Trim()}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            // The device goes with its peer; asked for by name all the same, since the namespace outlives a process that is still in it.
            await ChildProcess.RunAsync("ip", ["link", "del", Name], CancellationToken.None);
            await ChildProcess.RunAsync("ip", ["netns", "del", Name], CancellationToken.None);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // Without ip, nothing was made.
        }
    }
}
