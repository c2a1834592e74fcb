namespace Repr.Cas;

/// <summary>A store in memory, bounded in size, the least recently used going first. Safe for concurrent use.</summary>
/// <param name="maximumBytes">Bound on the bytes of all blobs.</param>
public sealed class MemoryContentStore(long maximumBytes) : IContentStore
{
    private readonly BlobIndex _index = new(maximumBytes, blockBytes: 1);
    private readonly Dictionary<Digest, byte[]> _blobs = [];

    // Index and content change together.
    private readonly Lock _lock = new();

    /// <summary>Bytes of all blobs and of those being stored.</summary>
    public long UsedBytes => _index.UsedBytes;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(digests);
        HashSet<Digest> missing = [.. digests.Where(digest => Find(digest) is null)];
        return ValueTask.FromResult<IReadOnlyList<Digest>>([.. missing]);
    }

    /// <inheritdoc/>
    public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) =>
        ValueTask.FromResult<Stream?>(Find(digest) is { } blob ? new MemoryStream(blob, writable: false) : null);

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        Reserve(digest);
        byte[] blob;
        try
        {
            using VerifyingStream verified = new(content, digest, "that was sent", leaveOpen: true);
            blob = GC.AllocateUninitializedArray<byte>((int)digest.SizeBytes);
            await verified.ReadExactlyAsync(blob, cancellationToken);
            await verified.CopyToAsync(Stream.Null, cancellationToken);
        }
        catch
        {
            _index.Release(digest.SizeBytes);
            throw;
        }

        lock (_lock)
        {
            _blobs[digest] = blob;
            _index.Commit(digest, 0);
        }
    }

    private byte[]? Find(Digest digest)
    {
        if (digest == Digest.Empty)
        {
            return [];
        }

        lock (_lock)
        {
            _index.TryUse(digest, out _);
            return _blobs.GetValueOrDefault(digest);
        }
    }

    private void Reserve(Digest digest)
    {
        lock (_lock)
        {
            if (digest.SizeBytes > Array.MaxLength || !_index.TryReserve(digest.SizeBytes, out IReadOnlyList<Digest> victims))
            {
                throw new ReprException(
                    ReprErrorCode.Exhausted, $"Blob {digest} does not fit into a store in memory of {maximumBytes} bytes. Give it more.");
            }

            foreach (Digest victim in victims)
            {
                _blobs.Remove(victim);
            }
        }
    }
}
