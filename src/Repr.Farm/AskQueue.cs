namespace Repr.Farm;

/// <summary>
/// The asks of one account, by shape, so that one that fits nowhere holds up no other. First come, first served, but what is expected to take long
/// counts as if it had come that much earlier: who ends last should not start last, and nobody waits for ever. Not safe for concurrent use.
/// </summary>
internal sealed class AskQueue
{
    private static readonly Comparer<WaitingAsk> s_byTurn = Comparer<WaitingAsk>.Create(
        static (one, other) => (one.Turn, one.Order).CompareTo((other.Turn, other.Order)));

    private readonly Dictionary<Shape, SortedSet<WaitingAsk>> _byShape = [];

    /// <summary>Puts an ask in.</summary>
    public void Add(WaitingAsk ask)
    {
        if (!_byShape.TryGetValue(ask.Shape, out SortedSet<WaitingAsk>? asks))
        {
            _byShape[ask.Shape] = asks = new SortedSet<WaitingAsk>(s_byTurn);
        }

        asks.Add(ask);
    }

    /// <summary>Takes an ask out.</summary>
    public bool Remove(WaitingAsk ask)
    {
        if (!_byShape.TryGetValue(ask.Shape, out SortedSet<WaitingAsk>? asks) || !asks.Remove(ask))
        {
            return false;
        }

        if (asks.Count == 0)
        {
            _byShape.Remove(ask.Shape);
        }

        return true;
    }

    /// <summary>Takes out the first ask that is accepted; only the first of each shape is offered.</summary>
    public WaitingAsk? TakeFirst(Func<WaitingAsk, bool> accept)
    {
        IEnumerable<WaitingAsk> firsts = _byShape.Values.Select(static asks => asks.Min!);
        WaitingAsk? taken = (_byShape.Count > 1 ? firsts.Order(s_byTurn) : firsts).FirstOrDefault(accept);
        if (taken is not null)
        {
            Remove(taken);
        }

        return taken;
    }
}
