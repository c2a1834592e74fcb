namespace Repr.Farm;

/// <summary>
/// Weighted fair shares in a tree: class, user, project. Start-time fair queueing (Goyal, Vin, Cheng 1996) of slot-seconds at each level: the
/// expected cost is charged at the grant and corrected at the end, and who comes back after a pause begins where the others are, so that
/// nobody saves up a share or loses one. Not safe for concurrent use.
/// </summary>
internal sealed class ShareTree(PoolOptions options)
{
    private readonly ShareNode _root = new(null, 1);
    private long _round;

    /// <summary>Asks that wait.</summary>
    public int Asks => _root.Asks;

    /// <summary>The place of an account.</summary>
    public ShareNode LeafOf(Account account)
    {
        bool isInteractive = account.Priority == Priority.Interactive;
        ShareNode priority = _root.Child(isInteractive ? "interactive" : "batch", isInteractive ? options.InteractiveWeight : options.BatchWeight);
        ShareNode user = priority.Child(account.User, options.Weights.GetValueOrDefault(account.User, 1));
        return user.Child(account.Project, options.Weights.GetValueOrDefault($"{account.User}/{account.Project}", 1));
    }

    /// <summary>Begins a round: what had no room in the last one is looked at again.</summary>
    public void BeginRound() => _round++;

    /// <summary>
    /// Takes out the ask that is next by the shares among those that can be placed, and charges its account. Null: none can be. A shape that
    /// can't be placed once is not tried again in this round.
    /// </summary>
    /// <param name="refused">Shapes for which there is no room in this round.</param>
    /// <param name="tryPlace">Tries to place an ask.</param>
    /// <param name="cost">What it is charged, in slot-seconds.</param>
    public WaitingAsk? TakeNext(HashSet<Shape> refused, Func<WaitingAsk, bool> tryPlace, Func<WaitingAsk, double> cost) =>
        TryTake(_root, refused, tryPlace, cost, out _);

    private WaitingAsk? TryTake(ShareNode node, HashSet<Shape> refused, Func<WaitingAsk, bool> tryPlace, Func<WaitingAsk, double> cost, out double charged)
    {
        if (node.Queue is { } queue)
        {
            WaitingAsk? own = queue.TakeFirst(ask => !refused.Contains(ask.Shape) && (tryPlace(ask) || !refused.Add(ask.Shape)));
            charged = own is null ? 0 : cost(own);
            return own;
        }

        while (node.Least(_round) is { } child)
        {
            if (TryTake(child, refused, tryPlace, cost, out charged) is { } ask)
            {
                node.Floor = Math.Max(node.Floor, child.Used);
                child.Virtual += charged / child.Weight;
                child.Outstanding += charged;
                child.Asks--;
                _root.Asks -= node == _root ? 1 : 0;
                return ask;
            }

            child.TriedIn = _round;
        }

        charged = 0;
        return null;
    }
}

/// <summary>A node of the tree of shares. A leaf has a queue, the others have children.</summary>
internal sealed class ShareNode(ShareNode? parent, double weight)
{
    private readonly Dictionary<string, ShareNode> _children = new(StringComparer.Ordinal);
    private AskQueue? _queue;

    public double Weight => weight;

    /// <summary>Slot-seconds that it got, by its weight.</summary>
    public double Virtual { get; set; }

    /// <summary>Of what was charged, the part for leases that are out.</summary>
    public double Outstanding { get; set; }

    /// <summary>What it has used for certain, by its weight.</summary>
    public double Used => Virtual - (Outstanding / weight);

    /// <summary>
    /// What the child that was served last had used: nobody who comes starts before it. Not what it was charged: who was alone for a moment and
    /// got all slots has not used them yet.
    /// </summary>
    public double Floor { get; set; }

    /// <summary>Asks that wait below it.</summary>
    public int Asks { get; set; }

    /// <summary>The round in which it had nothing that could be placed.</summary>
    public long TriedIn { get; set; } = -1;

    /// <summary>What waits here; null: it has children.</summary>
    public AskQueue? Queue => _queue;

    /// <summary>A child; made if it is new.</summary>
    public ShareNode Child(string name, double itsWeight)
    {
        if (!_children.TryGetValue(name, out ShareNode? child))
        {
            _children[name] = child = new ShareNode(this, itsWeight) { Virtual = Floor };
        }

        return child;
    }

    /// <summary>The child with asks that had least by its share, without those that were tried in the round; null: none.</summary>
    public ShareNode? Least(long round)
    {
        ShareNode? least = null;
        foreach (ShareNode child in _children.Values)
        {
            if (child.Asks > 0 && child.TriedIn != round && (least is null || child.Virtual < least.Virtual))
            {
                least = child;
            }
        }

        return least;
    }

    /// <summary>Puts an ask into this leaf's queue.</summary>
    public void Add(WaitingAsk ask)
    {
        (_queue ??= new AskQueue()).Add(ask);
        for (ShareNode? node = this; node is not null; node = node.Parent)
        {
            if (node.Asks++ == 0 && node.Parent is { } above)
            {
                node.Virtual = Math.Max(node.Virtual, above.Floor);
            }
        }
    }

    /// <summary>Takes out an ask that is not wanted any more.</summary>
    public void Remove(WaitingAsk ask)
    {
        if (_queue?.Remove(ask) == true)
        {
            for (ShareNode? node = this; node is not null; node = node.Parent)
            {
                node.Asks--;
            }
        }
    }

    /// <summary>A lease is out that was granted by an earlier pool.</summary>
    public void Adopt(double charged) => Change(charged, charged);

    /// <summary>A lease is over.</summary>
    /// <param name="charged">What was charged for it.</param>
    /// <param name="used">What it has used.</param>
    public void Settle(double charged, double used) => Change(used - charged, -charged);

    /// <summary>The part of all slots that this leaf has as long as those wait that wait now.</summary>
    public double Share()
    {
        double share = 1;
        for (ShareNode node = this; node.Parent is { } above; node = above)
        {
            double all = above._children.Values.Where(child => child.Asks > 0 || child == node).Sum(static child => child.Weight);
            share *= node.Weight / all;
        }

        return share;
    }

    private ShareNode? Parent => parent;

    private void Change(double slotSeconds, double outstanding)
    {
        for (ShareNode node = this; node.Parent is { } above; node = above)
        {
            node.Virtual += slotSeconds / node.Weight;
            node.Outstanding += outstanding;
        }
    }
}
