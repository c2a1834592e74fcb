using Repr.Requester.Sessions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Discovery;

/// <summary>A worker that an attempt of an action uses. Dispose it once, when the attempt is over.</summary>
/// <param name="endpoint">Its address.</param>
/// <param name="session">The session with it.</param>
/// <param name="release">Called at the end.</param>
internal sealed class TakenWorker(Uri endpoint, WorkerSession session, Action release) : IDisposable
{
    private Action? _release = release;
    private Action<Wire.LeaseEnd.Types.Outcome>? _endLease;
    private bool _hasSucceeded;

    /// <summary>The lease of a farm for this attempt; null: it has none, the action waits in the worker's queue.</summary>
    public Wire.Lease? Lease { get; private set; }

    /// <summary>Its address.</summary>
    public Uri Endpoint => endpoint;

    /// <summary>The session with it.</summary>
    public WorkerSession Session => session;

    /// <summary>Notes the lease; once, before anybody else knows this.</summary>
    /// <param name="lease">The lease.</param>
    /// <param name="end">Called at the end.</param>
    public void Attach(Wire.Lease lease, Action<Wire.LeaseEnd.Types.Outcome> end) => (Lease, _endLease) = (lease, end);

    /// <summary>The tool has its verdict.</summary>
    public void Succeed() => _hasSucceeded = true;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _release, null) is not { } releaseOnce)
        {
            return;
        }

        // What a worker itself says of a failure it tells the farm; that it is lost, only its requesters can tell.
        _endLease?.Invoke(
            _hasSucceeded ? Wire.LeaseEnd.Types.Outcome.Done
            : session.Loss is not null ? Wire.LeaseEnd.Types.Outcome.Failed
            : Wire.LeaseEnd.Types.Outcome.Unused);
        releaseOnce();
    }
}
