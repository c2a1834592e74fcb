using Repr.Farm;

namespace Repr.Server.Scheduling;

/// <summary>Something for a requester about one of its asks.</summary>
/// <param name="Number">The ask.</param>
/// <param name="Lease">It is granted; null: see the others.</param>
/// <param name="Expected">It waits, or is refused; null: see the others.</param>
/// <param name="Away">The pool can't be reached, as a sentence; the ask is withdrawn.</param>
internal sealed record ReservationAnswer(long Number, SlotLease? Lease, QueueAnswer? Expected, string? Away = null);

/// <summary>A requester that asks at this worker. Dispose it when its stream has ended. Safe for concurrent use.</summary>
/// <param name="front">Where its asks and leases are noted.</param>
/// <param name="scheduler">The pool.</param>
/// <param name="user">Who pays.</param>
/// <param name="answer">Called with answers, perhaps by several threads.</param>
/// <param name="changed">Called when the farm has changed.</param>
/// <param name="over">Takes what is over: of a requester that is gone, asks, leases.</param>
internal sealed class Reservation(
    Front front,
    IScheduler scheduler,
    string user,
    Action<ReservationAnswer> answer,
    Action<FarmView> changed,
    Action<Reservation?, IEnumerable<long>, IEnumerable<LeaseEnd>> over) : IDisposable
{
    /// <summary>Who pays.</summary>
    public string User => user;

    /// <summary>Passes an answer on.</summary>
    public void Answer(ReservationAnswer itsAnswer) => answer(itsAnswer);

    /// <summary>The farm has changed.</summary>
    public void Change(FarmView view) => changed(view);

    /// <summary>Notes an ask; <see cref="SendAsync"/> sends it.</summary>
    /// <param name="ask">The ask.</param>
    /// <param name="numbered">Is told its number before it can be answered.</param>
    public SlotAsk Note(SlotAsk ask, Action<long> numbered) => front.Ask(this, ask, numbered);

    /// <summary>Sends asks to the pool. What it says comes as answers.</summary>
    public async Task SendAsync(IReadOnlyList<SlotAsk> asks, CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyList<QueueAnswer> expected = await scheduler.AskAsync(asks, cancellationToken);
            foreach ((SlotAsk ask, QueueAnswer expectation) in asks.Zip(expected))
            {
                if (!expectation.IsRefused || front.Withdraw(ask.Number))
                {
                    answer(new ReservationAnswer(ask.Number, null, expectation));
                }
            }
        }
        catch (SchedulerUnavailableException exception)
        {
            foreach (SlotAsk ask in asks.Where(ask => front.Withdraw(ask.Number)))
            {
                answer(new ReservationAnswer(ask.Number, null, null, exception.Message));
            }
        }
    }

    /// <summary>Asks that are not wanted any more, and leases that are over; those of others are left alone.</summary>
    public void End(IReadOnlyList<long> withdrawn, IReadOnlyList<LeaseEnd> ends)
    {
        foreach (long number in withdrawn)
        {
            front.Withdraw(number);
        }

        LeaseEnd[] own = [.. ends.Where(end => front.End(this, end.Id))];
        over(null, withdrawn, own);
    }

    /// <summary>The pool has been away for too long: whoever waits is told.</summary>
    public void GiveUp(string reason)
    {
        foreach (long number in front.WithdrawAll(this))
        {
            answer(new ReservationAnswer(number, null, null, reason));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => over(this, front.Leave(this), []);
}
