using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Repr.Farm;
using Repr.Plugins;

namespace Repr.Server.Peers;

/// <summary>
/// The disks of a farm's workers as one store behind this worker's own. Each blob has a home among them; what is put goes there, and what is
/// lacked is asked for there, and then where its home was before the last worker joined. A worker that does not answer has nothing: whoever asked gets it elsewhere. Nothing here fails but a read that
/// has begun. Safe for concurrent use.
/// </summary>
/// <param name="connect">
/// Makes the store that is another worker's disk, by its address; verified, and left alone for a while after a failure. Throws
/// <see cref="ArgumentException"/> for one that can't be called as the settings have it.
/// </param>
/// <param name="logger">Is told of workers that can't be called.</param>
internal sealed partial class PeerContentStore(Func<string, PeerConnection> connect, ILogger logger) : IContentStore, IAsyncDisposable
{
    private const int ParallelMoves = 4; // those for which there is no room happen when the blob is wanted again

    // A worker that is silent is soon none of the farm any more; nobody waits for it meanwhile.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<string, PeerConnection> _peers = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _moves = new(ParallelMoves);
    private readonly Lock _connecting = new();
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
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
        Digest[] atHome = await FindMissingAsync([.. digests.Distinct()], digest => ring.HomesOf(digest).Home, cancellationToken);
        return await FindMissingAsync(atHome, digest => ring.HomesOf(digest).Next, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        (string? home, string? next) = Ring().HomesOf(digest);
        if (await OpenAsync(digest, home, cancellationToken) is { } there)
        {
            return there;
        }

        Stream? before = await OpenAsync(digest, next, cancellationToken);
        if (before is not null && Peer(home) is { } peer && _moves.Wait(0, CancellationToken.None))
        {
            _ = MoveAsync(digest, Peer(next)!, peer);
        }

        return before;
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

    /// <summary>Where messages of a name are kept; null: by this worker itself.</summary>
    public IMessageStore? FindMessages(Digest name) => Peer(Ring().HomeOf(name))?.Disk as IMessageStore;

    /// <summary>All others of the farm, for what concerns each of them.</summary>
    public IReadOnlyList<IMessageStore> FindOthers() =>
        [.. Ring().Endpoints.Select(Peer).OfType<PeerConnection>().Select(static peer => peer.Disk).OfType<IMessageStore>()];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (PeerConnection peer in _peers.Values)
        {
            await PluginServices.DisposeAsync(peer.Owned);
        }
    }

    private async Task<Digest[]> FindMissingAsync(Digest[] digests, Func<Digest, string?> placeOf, CancellationToken cancellationToken)
    {
        IReadOnlyList<Digest>[] missing = await Task.WhenAll(digests.GroupBy(placeOf).Select(async place =>
        {
            Digest[] asked = [.. place];
            try
            {
                return Peer(place.Key) is { } peer
                    ? await AskAsync(token => peer.Disk.FindMissingAsync(asked, token), cancellationToken)
                    : asked;
            }
            catch (Exception exception) when (IsSilence(exception, cancellationToken))
            {
                return asked; // its guard has told it
            }
        }));
        return [.. missing.SelectMany(static lacking => lacking)];
    }

    // What a worker that has joined is the home of comes to it as it is used; else one that joins later would be the home of what nobody finds.
    private async Task MoveAsync(Digest digest, PeerConnection before, PeerConnection home)
    {
        try
        {
            await using Stream? content = await before.Disk.OpenAsync(digest, CancellationToken.None);
            if (content is not null)
            {
                await home.Disk.PutAsync(digest, content, CancellationToken.None);
            }
        }
        catch (Exception exception) when (exception is ReprException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One of them is gone or busy, which its guard has told: it lies where it lay.
        }
        finally
        {
            _moves.Release();
        }
    }

    private async ValueTask<Stream?> OpenAsync(Digest digest, string? place, CancellationToken cancellationToken)
    {
        try
        {
            return Peer(place) is { } peer ? await AskAsync(token => peer.Disk.OpenAsync(digest, token), cancellationToken) : null;
        }
        catch (Exception exception) when (IsSilence(exception, cancellationToken))
        {
            return null;
        }
    }

    private static async ValueTask<T> AskAsync<T>(Func<CancellationToken, ValueTask<T>> ask, CancellationToken cancellationToken)
    {
        // Not linked to the stream that comes of it: the token is for the beginning.
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(s_patience);
        return await ask(late.Token);
    }

    private static bool IsSilence(Exception exception, CancellationToken cancellationToken) =>
        exception is ReprException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    // Null: nobody, this worker itself, or one that can't be called.
    private PeerConnection? Peer(string? endpoint)
    {
        if (endpoint is null || endpoint == _self)
        {
            return null;
        }

        if (_peers.TryGetValue(endpoint, out PeerConnection? known))
        {
            return known;
        }

        lock (_connecting)
        {
            if (_peers.TryGetValue(endpoint, out known))
            {
                return known;
            }

            try
            {
                return _peers[endpoint] = connect(endpoint);
            }
            catch (ArgumentException exception)
            {
                if (_told.Add(endpoint))
                {
                    Log.CannotBeCalled(logger, endpoint, exception.Message);
                }

                return null;
            }
        }
    }

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
                if (_peers.TryRemove(gone, out PeerConnection? peer))
                {
                    _ = Task.Run(async () => await PluginServices.DisposeAsync(peer.Owned));
                }
            }
        }

        return ring;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The worker {Endpoint} of the farm can't be called for content; its share is sent by requesters: {Reason}")]
        public static partial void CannotBeCalled(ILogger logger, string endpoint, string reason);
    }
}

/// <summary>A connection with another worker of the farm.</summary>
/// <param name="Disk">What lies on its disk; checked, and guarded. Its messages, too, if it is an <see cref="IMessageStore"/>.</param>
/// <param name="Owned">What is to be disposed.</param>
internal sealed record PeerConnection(IContentStore Disk, object Owned);
