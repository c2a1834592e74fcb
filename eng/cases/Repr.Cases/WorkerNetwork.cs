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

    private readonly NetworkNamespace _namespace = new("reprc", RequesterAddress, WorkerAddress);

    private WorkerNetwork()
    {
    }

    /// <summary>What is put before a command so that it runs in the namespace.</summary>
    public IReadOnlyList<string> CommandPrefix => _namespace.CommandPrefix;

    /// <summary>Makes one.</summary>
    /// <exception cref="BenchException">It can't be made.</exception>
    public static async Task<WorkerNetwork> CreateAsync(CancellationToken cancellationToken)
    {
        WorkerNetwork network = new();
        try
        {
            await network._namespace.CreateAsync(cancellationToken);
            return network;
        }
        catch (BenchException refused)
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

    /// <summary>Bytes that crossed the pair so far, headers included.</summary>
    public WireBytes Count() => new(Statistic("tx_bytes"), Statistic("rx_bytes"));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _namespace.DisposeAsync();

    private long Statistic(string which) =>
        long.Parse(File.ReadAllText($"/sys/class/net/{_namespace.Name}/statistics/{which}"), CultureInfo.InvariantCulture);
}
