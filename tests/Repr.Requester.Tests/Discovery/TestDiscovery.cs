using System.Threading.Channels;

namespace Repr.Requester.Tests.Discovery;

/// <summary>A source of addresses that knows what the test says.</summary>
internal sealed class TestDiscovery : IWorkerDiscovery
{
    private readonly Channel<IReadOnlyCollection<Uri>> _sets = Channel.CreateUnbounded<IReadOnlyCollection<Uri>>();

    public void Say(params IEnumerable<Uri> workers) => _sets.Writer.TryWrite([.. workers]);

    public IAsyncEnumerable<IReadOnlyCollection<Uri>> WatchAsync(CancellationToken cancellationToken) => _sets.Reader.ReadAllAsync(cancellationToken);
}
