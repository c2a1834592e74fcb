using Microsoft.Win32.SafeHandles;

namespace Repr.Server.Telemetry;

/// <summary>A store that counts what is asked of it. Safe for concurrent use. Does not own the store.</summary>
internal sealed class MeasuredContentStore(ILocalContentStore store, WorkerMetrics metrics) : ILocalContentStore
{
    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        IReadOnlyList<Digest> missing = await store.FindMissingAsync(digests, cancellationToken);
        metrics.LookedUp(digests.Count - missing.Count, missing.Count);
        return missing;
    }

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        Stream? content = await store.OpenAsync(digest, cancellationToken);
        Count(digest, content is not null);
        return content;
    }

    /// <inheritdoc/>
    public SafeFileHandle? TryOpenFile(Digest digest)
    {
        SafeFileHandle? file = store.TryOpenFile(digest);
        Count(digest, file is not null);
        return file;
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        await store.PutAsync(digest, content, cancellationToken);
        metrics.Written(digest.SizeBytes);
    }

    /// <inheritdoc/>
    public async ValueTask<Digest> PutFileAsync(string path, CancellationToken cancellationToken)
    {
        Digest digest = await store.PutFileAsync(path, cancellationToken);
        metrics.Written(digest.SizeBytes);
        return digest;
    }

    /// <inheritdoc/>
    public IContentLease Lease() => store.Lease();

    private void Count(Digest digest, bool isThere)
    {
        metrics.LookedUp(isThere ? 1 : 0, isThere ? 0 : 1);
        if (isThere)
        {
            metrics.Opened(digest.SizeBytes);
        }
    }
}
