using System.Diagnostics.CodeAnalysis;

namespace Repr.Cas;

/// <summary>
/// What a bounded store holds, in order of last use, with the space that is spoken for and the leases. Memory only: it decides which
/// blobs must go, its owner deletes them. Safe for concurrent use; no method waits or does I/O.
/// </summary>
/// <param name="maximumBytes">The bound of the space.</param>
/// <param name="blockBytes">What a blob takes is a multiple of this.</param>
public sealed class BlobIndex(long maximumBytes, long blockBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Digest, Entry> _entries = new(HashComparer.Instance);
    private readonly Dictionary<Digest, int> _leases = new(HashComparer.Instance);

    // Least recently used first. A leased blob is not in it, so that finding a victim never walks over leased ones.
    private readonly LinkedList<Entry> _evictable = new();
    private long _usedBytes;

    /// <summary>Space of the blobs and of the reservations, in whole blocks.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_lock)
            {
                return _usedBytes;
            }
        }
    }

    /// <summary>Number of blobs.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Space that a blob takes: its length in whole blocks.</summary>
    public long SpaceOf(long sizeBytes) => (sizeBytes + blockBytes - 1) / blockBytes * blockBytes;

    /// <summary>Finds a blob, without regard to the length in the digest, and makes it the last used.</summary>
    public bool TryUse(Digest digest, [NotNullWhen(true)] out Entry? entry)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(digest, out entry))
            {
                return false;
            }

            if (entry.Node.List is not null)
            {
                _evictable.Remove(entry.Node);
                _evictable.AddLast(entry.Node);
            }

            return true;
        }
    }

    /// <summary>Whether a blob with this hash is there; its last use stays as it is.</summary>
    public bool Contains(Digest digest)
    {
        lock (_lock)
        {
            return _entries.ContainsKey(digest);
        }
    }

    /// <summary>Speaks for space. The victims are out of the index already; the caller deletes them before it writes.</summary>
    /// <returns>False when the space can't be had even if everything without a lease goes; then there are no victims.</returns>
    public bool TryReserve(long sizeBytes, out IReadOnlyList<Digest> victims)
    {
        lock (_lock)
        {
            victims = [];
            if (sizeBytes > maximumBytes)
            {
                return false;
            }

            long space = SpaceOf(sizeBytes);
            long excess = _usedBytes + space - maximumBytes;
            if (excess > 0 && !TryTake(excess, out victims))
            {
                return false;
            }

            _usedBytes += space;
            return true;
        }
    }

    /// <summary>Gives back what <see cref="TryReserve"/> took.</summary>
    public void Release(long sizeBytes)
    {
        lock (_lock)
        {
            _usedBytes -= SpaceOf(sizeBytes);
        }
    }

    /// <summary>Turns a reservation of the digest's length into a blob, the last used. A blob of the same hash is replaced.</summary>
    public void Commit(Digest digest, long now)
    {
        lock (_lock)
        {
            Drop(digest);
            Insert(new Entry(digest) { VerifiedAt = now, RenewedAt = now });
        }
    }

    /// <summary>Adds a blob that was found on disk, as the last used so far, even beyond the bound.</summary>
    public void AddFound(Digest digest, long renewedAt)
    {
        lock (_lock)
        {
            Drop(digest);
            _usedBytes += SpaceOf(digest.SizeBytes);
            Insert(new Entry(digest) { RenewedAt = renewedAt });
        }
    }

    /// <summary>Forgets a blob if it is this very entry, so that a new one under the same digest stays.</summary>
    public bool Remove(Entry entry)
    {
        lock (_lock)
        {
            return _entries.TryGetValue(entry.Digest, out Entry? current) && ReferenceEquals(current, entry) && Drop(entry.Digest);
        }
    }

    /// <summary>Takes the least recently used blobs without a lease out of the index until this much space is free.</summary>
    public IReadOnlyList<Digest> Trim(long freeBytes)
    {
        lock (_lock)
        {
            List<Digest> victims = [];
            while (_usedBytes > maximumBytes - freeBytes && _evictable.First is { } first)
            {
                victims.Add(first.Value.Digest);
                Drop(first.Value.Digest);
            }

            return victims;
        }
    }

    /// <summary>Keeps a digest, whether it is there or not, until <see cref="RemoveLease"/> was called as often.</summary>
    public void AddLease(Digest digest)
    {
        lock (_lock)
        {
            _leases[digest] = _leases.GetValueOrDefault(digest) + 1;
            if (_entries.TryGetValue(digest, out Entry? entry) && entry.Node.List is not null)
            {
                _evictable.Remove(entry.Node);
            }
        }
    }

    /// <summary>Undoes one <see cref="AddLease"/>.</summary>
    public void RemoveLease(Digest digest)
    {
        lock (_lock)
        {
            int count = _leases[digest] - 1;
            if (count > 0)
            {
                _leases[digest] = count;
                return;
            }

            _leases.Remove(digest);
            if (_entries.TryGetValue(digest, out Entry? entry))
            {
                _evictable.AddLast(entry.Node);
            }
        }
    }

    private bool TryTake(long bytes, out IReadOnlyList<Digest> victims)
    {
        List<Digest> taken = [];
        victims = taken;
        long freed = 0;
        for (LinkedListNode<Entry>? node = _evictable.First; node is not null && freed < bytes; node = node.Next)
        {
            taken.Add(node.Value.Digest);
            freed += SpaceOf(node.Value.Digest.SizeBytes);
        }

        if (freed < bytes)
        {
            victims = [];
            return false;
        }

        foreach (Digest digest in taken)
        {
            Drop(digest);
        }

        return true;
    }

    private void Insert(Entry entry)
    {
        _entries.Add(entry.Digest, entry);
        if (!_leases.ContainsKey(entry.Digest))
        {
            _evictable.AddLast(entry.Node);
        }
    }

    private bool Drop(Digest digest)
    {
        if (!_entries.Remove(digest, out Entry? entry))
        {
            return false;
        }

        _usedBytes -= SpaceOf(entry.Digest.SizeBytes);
        if (entry.Node.List is not null)
        {
            _evictable.Remove(entry.Node);
        }

        return true;
    }

    /// <summary>A blob that is there. Times are ticks of <see cref="DateTime"/> in UTC.</summary>
    public sealed class Entry
    {
        private long _renewedAt;
        private long _verifiedAt;

        internal Entry(Digest digest)
        {
            Digest = digest;
            Node = new LinkedListNode<Entry>(this);
        }

        /// <summary>Its hash, and the length of its file.</summary>
        public Digest Digest { get; }

        /// <summary>Its place among those that may be evicted; in no list while it is leased.</summary>
        public LinkedListNode<Entry> Node { get; }

        /// <summary>When its content was last known to be right; 0: not since the store was opened.</summary>
        public long VerifiedAt
        {
            get => Volatile.Read(ref _verifiedAt);
            set => Volatile.Write(ref _verifiedAt, value);
        }

        /// <summary>When its last use was written to the disk.</summary>
        public long RenewedAt
        {
            get => Volatile.Read(ref _renewedAt);
            init => _renewedAt = value;
        }

        /// <summary>True for one caller when the last use on disk is older than the interval.</summary>
        public bool TryClaimRenewal(long now, long interval)
        {
            long seen = RenewedAt;
            return now - seen >= interval && Interlocked.CompareExchange(ref _renewedAt, now, seen) == seen;
        }
    }
}
