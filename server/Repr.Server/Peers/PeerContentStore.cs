using System.Collections.Concurrent;
using Repr.Farm;
using Repr.Plugins;

namespace Repr.Server.Peers;

/// <summary>
/// The disks of a farm's workers as one store behind this worker's own. Each blob has a home among them; what is put goes there, and what is
/// lacked is asked for there. A worker that does not answer has nothing: whoever asked gets it elsewhere. Nothing here fails but a read that
/// has begun. Safe for concurrent use.
/// </summary>
/// <param name="connect">Makes the store that is another worker's disk, by its address; verified, and left alone for a while after a failure.</param>
internal sealed class PeerContentStore(Func<string, PeerConnection> connect) : IContentStore, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<PeerConnection>> _peers = new(StringComparer.Ordinal);
    private Func<FarmView> _view = static () => FarmView.Empty;
    private string _self = "";
    private PeerRing _ring = new([]);

    /// <summary>Begins to take the farm's workers for its members; before that it is empty.</summary>
    /// <param name="view">The farm now.</param>
    /// <param name="self">The address of this worker, as the farm knows it.</param>
    public void Follow(Func<FarmView> view, string self)
    {
        _self = self;
        Volatile.Write(ref _view, view);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        PeerRing ring = Ring();
        IReadOnlyList<Digest>[] missing = await Task.WhenAll(digests.Distinct().GroupBy(ring.HomeOf).Select(async home =>
        {
            Digest[] asked = [.. home];
            try
            {
                return Peer(home.Key) is { } peer ? await peer.Disk.FindMissingAsync(asked, cancellationToken) : asked;
            }
            catch (ReprException)
            {
                return asked; // its guard has told it
            }
        }));
        return [.. missing.SelectMany(static lacking => lacking)];
    }

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        try
        {
            return Peer(Ring().HomeOf(digest)) is { } peer ? await peer.Disk.OpenAsync(digest, cancellationToken) : null;
        }
        catch (ReprException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    /// <remarks>A blob whose home is this worker, or cannot be reached, stays where it is: on this worker's disk.</remarks>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        try
        {
            if (Peer(Ring().HomeOf(digest)) is { } peer)
            {
                await peer.Disk.PutAsync(digest, content, cancellationToken);
            }
        }
        catch (ReprException failure) when (failure.Code is not ReprErrorCode.Corrupt)
        {
            // Its guard has told it.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Lazy<PeerConnection> peer in _peers.Values)
        {
            await PluginServices.DisposeAsync(peer.Value.Owned);
        }
    }

    // Null: nobody, or this worker itself.
    private PeerConnection? Peer(string? endpoint) => endpoint is null || endpoint == _self
        ? null
        : _peers.GetOrAdd(endpoint, key => new Lazy<PeerConnection>(() => connect(key))).Value;

    private PeerRing Ring()
    {
        PeerRing ring = Volatile.Read(ref _ring);
        IReadOnlyList<string> endpoints = Volatile.Read(ref _view)().Endpoints;
        if (!ReferenceEquals(ring.Endpoints, endpoints) && !ring.Endpoints.SequenceEqual(endpoints, StringComparer.Ordinal))
        {
            Volatile.Write(ref _ring, ring = new PeerRing(endpoints));
            foreach (string gone in _peers.Keys.Except(endpoints, StringComparer.Ordinal))
            {
                // What is read from it right now fails, as it does when a worker is lost.
                if (_peers.TryRemove(gone, out Lazy<PeerConnection>? peer))
                {
                    _ = Task.Run(async () => await PluginServices.DisposeAsync(peer.Value.Owned));
                }
            }
        }

        return ring;
    }
}

/// <summary>A connection with another worker of the farm.</summary>
/// <param name="Disk">What lies on its disk; checked, and guarded.</param>
/// <param name="Owned">What is to be disposed.</param>
internal sealed record PeerConnection(IContentStore Disk, object Owned);
