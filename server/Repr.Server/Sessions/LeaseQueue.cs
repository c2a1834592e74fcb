namespace Repr.Server.Sessions;

/// <summary>
/// Keeps the content of ended actions in the store until their requester has had the time to fetch it. Safe for concurrent use.
/// </summary>
internal sealed class LeaseQueue(TimeProvider time) : IDisposable
{
    /// <summary>How long the outputs of an ended action are kept for sure.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Queue<(DateTimeOffset Until, IContentLease Lease)> _leases = new();

    /// <summary>Takes over the lease of an action that has just ended, and lets go of those whose time is over.</summary>
    public void Add(IContentLease lease)
    {
        DateTimeOffset now = time.GetUtcNow();
        lock (_lock)
        {
            _leases.Enqueue((now + KeptFor, lease));
            Release(now);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            Release(DateTimeOffset.MaxValue);
        }
    }

    private void Release(DateTimeOffset now)
    {
        while (_leases.TryPeek(out (DateTimeOffset Until, IContentLease Lease) oldest) && oldest.Until <= now)
        {
            _leases.Dequeue().Lease.Dispose();
        }
    }
}
