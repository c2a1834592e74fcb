using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Repr.Requester.Farm;

/// <summary>What the farm says about its workers, as a source of addresses like any other. Safe for concurrent use; watched once.</summary>
/// <param name="seed">A worker that is known without asking; null: none.</param>
internal sealed class FarmMembers(Uri? seed) : IWorkerDiscovery
{
    private const int EarlierKept = 64;

    private readonly Channel<Uri[]> _changes = Channel.CreateBounded<Uri[]>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private Uri[] _earlier = [];

    /// <summary>Who was named lately, the last ones first: where to ask when nobody else answers.</summary>
    public IReadOnlyList<Uri> Earlier => Volatile.Read(ref _earlier);

    /// <summary>The farm has said who is there.</summary>
    public void Say(IEnumerable<string> endpoints)
    {
        Uri[] named = [.. endpoints.Select(static endpoint => Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address) ? address : null).OfType<Uri>()];
        Volatile.Write(ref _earlier, [.. named.Concat(_earlier).Distinct().Take(EarlierKept)]);
        _changes.Writer.TryWrite(named);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyCollection<Uri>> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return seed is null ? [] : [seed];
        await foreach (Uri[] found in _changes.Reader.ReadAllAsync(cancellationToken))
        {
            // A farm of nobody has said so because its last worker stops; whoever starts again is there again.
            yield return found.Length > 0 || seed is null ? found : [seed];
        }
    }
}
