using System.Globalization;

namespace Repr.Bench;

/// <summary>
/// A network namespace for the worker, whose devices each delay what they send by half a round trip (tc-netem(8)). Disposing it removes it.
/// </summary>
internal sealed class DelayedNetwork : IAsyncDisposable
{
    /// <summary>Address within the namespace.</summary>
    public const string WorkerAddress = "198.18.37.2";

    private readonly NetworkNamespace _namespace = new("reprb", "198.18.37.1", WorkerAddress);

    private DelayedNetwork()
    {
    }

    /// <summary>What is put before a command so that it runs in the namespace.</summary>
    public IReadOnlyList<string> CommandPrefix => _namespace.CommandPrefix;

    /// <summary>Makes one.</summary>
    /// <returns>The network, or a sentence that says why there is none.</returns>
    public static async Task<(DelayedNetwork? Network, string? WhyNot)> CreateAsync(int roundTripMs, CancellationToken cancellationToken)
    {
        if (Environment.UserName != "root")
        {
            return (null, "No delay was added: a network namespace needs root.");
        }

        DelayedNetwork network = new();
        bool hasNamespace = false;
        try
        {
            await network._namespace.CreateAsync(cancellationToken);
            hasNamespace = true;
            await network.DelayAsync(roundTripMs, cancellationToken);
            return (network, null);
        }
        catch (BenchException refused)
        {
            await network.DisposeAsync();
            string why = hasNamespace ? "the kernel has no netem (CONFIG_NET_SCH_NETEM)" : "no network namespace can be made";
            return (null, $"No delay was added: {why}; {refused.Message}");
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
    public ValueTask DisposeAsync() => _namespace.DisposeAsync();

    private async Task DelayAsync(int roundTripMs, CancellationToken cancellationToken)
    {
        string netem = string.Create(CultureInfo.InvariantCulture, $"root netem delay {roundTripMs * 500}us limit 100000");
        await NetworkNamespace.RunAsync($"tc qdisc add dev {_namespace.Name} {netem}", cancellationToken);
        await NetworkNamespace.RunAsync($"tc -n {_namespace.Name} qdisc add dev {_namespace.InnerDevice} {netem}", cancellationToken);
    }
}
