namespace Repr.Cas;

/// <summary>A lease on blobs of a <see cref="BlobIndex"/>. A digest that is added twice is kept once.</summary>
internal sealed class ContentLease(BlobIndex index) : IContentLease
{
    private readonly Lock _lock = new();
    private HashSet<Digest>? _digests = new(HashComparer.Instance);

    public void Add(Digest digest)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_digests is null, this);
            if (_digests.Add(digest))
            {
                index.AddLease(digest);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (Digest digest in _digests ?? [])
            {
                index.RemoveLease(digest);
            }

            _digests = null;
        }
    }
}
