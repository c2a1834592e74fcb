namespace Repr.Farm;

/// <summary>
/// The pool, as one worker reaches it: in this process (<see cref="LocalScheduler"/>), or wherever in the farm it is. Whatever is lost on the
/// way is made good by the next beat. Safe for concurrent use.
/// </summary>
public interface IScheduler : IAsyncDisposable
{
    /// <summary>
    /// Raised with answers for requesters that asked at this worker. An ask may be granted twice, or when it is not wanted any more: then the
    /// lease is to be ended.
    /// </summary>
    event Action<PoolAnswers>? Answered;

    /// <summary>Says how this worker is; once a second, and when it changes what can be granted.</summary>
    /// <returns>The farm now.</returns>
    /// <exception cref="SchedulerUnavailableException">The pool can't be reached.</exception>
    Task<FarmView> BeatAsync(NodeBeat beat, CancellationToken cancellationToken);

    /// <summary>Asks for slots, one for each ask.</summary>
    /// <returns>What to expect, for each.</returns>
    /// <exception cref="SchedulerUnavailableException">The pool can't be reached. The asks hold if the next beat names them.</exception>
    Task<IReadOnlyList<QueueAnswer>> AskAsync(IReadOnlyList<SlotAsk> asks, CancellationToken cancellationToken);

    /// <summary>Withdraws asks of a worker's requesters and ends leases. Idempotent.</summary>
    /// <exception cref="SchedulerUnavailableException">The pool can't be reached.</exception>
    Task EndAsync(string front, IReadOnlyList<long> withdrawn, IReadOnlyList<LeaseEnd> ends, CancellationToken cancellationToken);
}

/// <summary>The pool can't be reached: who has a slot keeps it, and who wants one looks for a worker himself.</summary>
public sealed class SchedulerUnavailableException(string message, Exception? innerException = null) : Exception(message, innerException);
