using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cas;

/// <summary>
/// A near store of files with a far one behind it. What is read is taken near first, once for all who ask at the same time; what is
/// put goes to both. A far store that fails costs speed, never a put or a read of what is near. A blob that the far store said to have
/// and did not deliver counts as missing until it delivers it, so that whoever asked can send it. Safe for concurrent use. Does not
/// own the stores; dispose it before them.
/// </summary>
/// <param name="near">Asked first; the only one whose files can be opened.</param>
/// <param name="far">Asked for what is not near. Trusted: wrap it in <see cref="VerifyingContentStore"/> and <see cref="GuardedContentStore"/>.</param>
/// <param name="prefetch">Whether blobs that were asked for and found far are brought near at once: they will be opened soon.</param>
/// <param name="logger">Where failures of the far store go.</param>
public sealed partial class TieredContentStore(ILocalContentStore near, IContentStore far, bool prefetch, ILogger<TieredContentStore> logger)
    : ILocalContentStore, IAsyncDisposable
{
    private const int ParallelCalls = 16;
    private const int UndeliveredKept = 100_000;

    private readonly ConcurrentDictionary<Digest, Lazy<Task<bool>>> _fetches = new();
    private readonly ConcurrentDictionary<Digest, bool> _undelivered = new();
    private readonly SemaphoreSlim _prefetches = new(ParallelCalls);
    private readonly SemaphoreSlim _puts = new(ParallelCalls);
    private readonly CancellationTokenSource _disposing = new();

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        IReadOnlyList<Digest> missing = await near.FindMissingAsync(digests, cancellationToken);
        if (missing.Count == 0)
        {
            return missing;
        }

        try
        {
            HashSet<Digest> lacking = [.. await far.FindMissingAsync(missing, cancellationToken)];
            foreach (Digest digest in missing.Where(digest => !lacking.Contains(digest)))
            {
                if (_undelivered.ContainsKey(digest))
                {
                    // Its word counts no more; only the blob does.
                    if (!await TryFetchAsync(digest, cancellationToken))
                    {
                        lacking.Add(digest);
                    }
                }
                else if (prefetch)
                {
                    _ = PrefetchAsync(digest);
                }
            }

            return [.. lacking];
        }
        catch (ReprException exception)
        {
            Log.FarFailed(logger, "find blobs in", exception.Message);
            return missing;
        }
    }

    /// <inheritdoc/>
    /// <remarks>When it returns a stream, <see cref="TryOpenFile"/> finds the blob's file until it is evicted.</remarks>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        Stream? content = await near.OpenAsync(digest, cancellationToken);
        return content is null && await FetchAsync(digest, cancellationToken) ? await near.OpenAsync(digest, cancellationToken) : content;
    }

    /// <inheritdoc/>
    public SafeFileHandle? TryOpenFile(Digest digest) => near.TryOpenFile(digest);

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        await near.PutAsync(digest, content, cancellationToken);
        await PutFarAsync(digest, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<Digest> PutFileAsync(string path, CancellationToken cancellationToken)
    {
        Digest digest = await near.PutFileAsync(path, cancellationToken);
        await PutFarAsync(digest, cancellationToken);
        return digest;
    }

    /// <inheritdoc/>
    public IContentLease Lease() => near.Lease();

    /// <summary>Ends what it does in the background.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync();
        await ((Task)Task.WhenAll(_fetches.Values.Select(static fetch => fetch.Value))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // The fetch serves all who wait, so no single caller's cancellation may end it.
    private Task<bool> FetchAsync(Digest digest, CancellationToken cancellationToken) =>
        _fetches.GetOrAdd(digest, key => new Lazy<Task<bool>>(() => FetchOnceAsync(key))).Value.WaitAsync(cancellationToken);

    private async Task<bool> FetchOnceAsync(Digest digest)
    {
        bool isDelivered = false;
        try
        {
            await using Stream? content = await far.OpenAsync(digest, _disposing.Token);
            if (content is not null)
            {
                await near.PutAsync(digest, content, _disposing.Token);
                isDelivered = true;
            }
        }
        catch (ReprException exception) when (exception.Code == ReprErrorCode.Corrupt)
        {
            Log.Damaged(logger, exception.Message);
        }
        finally
        {
            if (isDelivered)
            {
                _undelivered.TryRemove(digest, out _);
            }
            else
            {
                if (_undelivered.Count >= UndeliveredKept)
                {
                    _undelivered.Clear(); // it costs a few questions that nobody answers
                }

                _undelivered[digest] = true;
            }

            _fetches.TryRemove(digest, out _);
        }

        return isDelivered;
    }

    private async Task<bool> TryFetchAsync(Digest digest, CancellationToken cancellationToken)
    {
        try
        {
            return await FetchAsync(digest, cancellationToken);
        }
        catch (ReprException exception)
        {
            Log.FarFailed(logger, "fetch a blob from", exception.Message);
            return false;
        }
    }

    private async Task PrefetchAsync(Digest digest)
    {
        try
        {
            await _prefetches.WaitAsync(_disposing.Token);
            try
            {
                if ((await near.FindMissingAsync([digest], _disposing.Token)).Count > 0)
                {
                    await FetchAsync(digest, _disposing.Token);
                }
            }
            finally
            {
                _prefetches.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
        catch (Exception exception) when (exception is ReprException or IOException)
        {
            Log.FarFailed(logger, "fetch a blob from", exception.Message); // whoever opens it meets the failure and has a remedy
        }
    }

    private async ValueTask PutFarAsync(Digest digest, CancellationToken cancellationToken)
    {
        await _puts.WaitAsync(cancellationToken);
        try
        {
            if (_undelivered.ContainsKey(digest) || (await far.FindMissingAsync([digest], cancellationToken)).Count > 0)
            {
                await using Stream? content = await near.OpenAsync(digest, cancellationToken);
                if (content is not null)
                {
                    await far.PutAsync(digest, content, cancellationToken);
                    _undelivered.TryRemove(digest, out _);
                }
            }
        }
        catch (ReprException exception)
        {
            Log.FarFailed(logger, "put a blob into", exception.Message);
        }
        finally
        {
            _puts.Release();
        }
    }

    private static partial class Log
    {
        // Each blob may meet it; that the store is away was said once.
        [LoggerMessage(Level = LogLevel.Debug, Message = "Could not {What} the far content store; going on without it. {Reason}")]
        public static partial void FarFailed(ILogger logger, string what, string reason);

        [LoggerMessage(Level = LogLevel.Warning, Message = "A blob in the far content store is damaged and counts as missing. {Reason}")]
        public static partial void Damaged(ILogger logger, string reason);
    }
}
