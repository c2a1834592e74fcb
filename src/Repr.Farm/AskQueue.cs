namespace Repr.Farm;

/// <summary>The asks of one account: in order, by shape, so that one that fits nowhere holds up no other. Not safe for concurrent use.</summary>
internal sealed class AskQueue
{
    private readonly Dictionary<Shape, LinkedList<WaitingAsk>> _byShape = [];

    /// <summary>Puts an ask at the end.</summary>
    public void Add(WaitingAsk ask)
    {
        if (!_byShape.TryGetValue(ask.Shape, out LinkedList<WaitingAsk>? list))
        {
            _byShape[ask.Shape] = list = new LinkedList<WaitingAsk>();
        }

        ask.Node = list.AddLast(ask);
    }

    /// <summary>Takes an ask out.</summary>
    public bool Remove(WaitingAsk ask)
    {
        if (ask.Node is not { List: { } list } node)
        {
            return false;
        }

        list.Remove(node);
        ask.Node = null;
        if (list.Count == 0)
        {
            _byShape.Remove(ask.Shape);
        }

        return true;
    }

    /// <summary>Takes out the oldest ask that is accepted; only the first of each shape is offered.</summary>
    public WaitingAsk? TakeFirst(Func<WaitingAsk, bool> accept)
    {
        IEnumerable<WaitingAsk> firsts = _byShape.Values.Select(static list => list.First!.Value);
        WaitingAsk? taken = (_byShape.Count > 1 ? firsts.OrderBy(static ask => ask.Order) : firsts).FirstOrDefault(accept);
        if (taken is not null)
        {
            Remove(taken);
        }

        return taken;
    }
}
