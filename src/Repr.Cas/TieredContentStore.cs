using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cas;

/// <summary>
/// A near store of files with a far one behind it. What is read is taken near first, once for all who ask at the same time; what is
/// put goes to both. A far store that fails costs speed, never a put or a read of what is near: the failure is logged. A far blob that
/// is not what its digest says counts as missing until it is put again. Safe for concurrent use. Does not own the stores.
/// </summary>
/// <param name="near">Asked first; the only one whose files can be opened.</param>
/// <param name="far">Asked for what is not near. Trusted: wrap it in <see cref="VerifyingContentStore"/>.</param>
/// <param name="logger">Where failures of the far store go.</param>
public sealed partial class TieredContentStore(ILocalContentStore near, IContentStore far, ILogger<TieredContentStore> logger)
    : ILocalContentStore
{
    private readonly ConcurrentDictionary<Digest, Lazy<Task<bool>>> _fetches = new();
    private readonly ConcurrentDictionary<Digest, bool> _corruptFar = new();

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
            IReadOnlyList<Digest> lacking = await far.FindMissingAsync(missing, cancellationToken);
            return _corruptFar.IsEmpty ? lacking : [.. missing.Where(_corruptFar.ContainsKey).Union(lacking)];
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
        if (content is not null)
        {
            return content;
        }

        // The fetch serves all who wait, so no single caller's cancellation may end it.
        Lazy<Task<bool>> fetch = _fetches.GetOrAdd(digest, key => new Lazy<Task<bool>>(() => FetchAsync(key)));
        return await fetch.Value.WaitAsync(cancellationToken) ? await near.OpenAsync(digest, cancellationToken) : null;
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

    private async Task<bool> FetchAsync(Digest digest)
    {
        try
        {
            await using Stream? content = await far.OpenAsync(digest, CancellationToken.None);
            if (content is null)
            {
                return false;
            }

            await near.PutAsync(digest, content, CancellationToken.None);
            return true;
        }
        catch (ReprException exception) when (exception.Code == ReprErrorCode.Corrupt)
        {
            _corruptFar[digest] = true;
            Log.FarFailed(logger, "use a blob of", exception.Message);
            return false;
        }
        finally
        {
            _fetches.TryRemove(digest, out _);
        }
    }

    private async ValueTask PutFarAsync(Digest digest, CancellationToken cancellationToken)
    {
        try
        {
            if (_corruptFar.ContainsKey(digest) || (await far.FindMissingAsync([digest], cancellationToken)).Count > 0)
            {
                await using Stream? content = await near.OpenAsync(digest, cancellationToken);
                if (content is not null)
                {
                    await far.PutAsync(digest, content, cancellationToken);
                    _corruptFar.TryRemove(digest, out _);
                }
            }
        }
        catch (ReprException exception)
        {
            Log.FarFailed(logger, "put a blob into", exception.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Could not {What} the far content store; going on without it. {Reason}")]
        public static partial void FarFailed(ILogger logger, string what, string reason);
    }
}
