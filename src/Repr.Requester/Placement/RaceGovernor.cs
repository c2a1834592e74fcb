namespace Repr.Requester.Placement;

/// <summary>What a build has had of races. Guarded by the <see cref="RaceGovernor"/>.</summary>
internal sealed class RaceBudget
{
    /// <summary>Its actions so far.</summary>
    public int Actions { get; set; }

    /// <summary>Those that run.</summary>
    public int Running { get; set; }

    /// <summary>Those of them that were raced.</summary>
    public int Raced { get; set; }
}

/// <summary>
/// Bounds races: a share of the actions of each build (as gRPC's retry throttling and Finagle's retry budgets have it), and a number at the same time. When a whole farm is slow
/// a second run of everything would make it slower. Safe for concurrent use.
/// </summary>
/// <param name="share">Of a build's actions, besides the first <see cref="Always"/>; 0: none at all.</param>
/// <param name="atOnce">At the same time, over all builds.</param>
internal sealed class RaceGovernor(double share, int atOnce)
{
    /// <summary>So many actions of a build may be raced however small it is.</summary>
    public const int Always = 2;

    private const int ManyActions = 20;

    private readonly Lock _lock = new();
    private int _running;

    /// <summary>An action of a build begins.</summary>
    public void Enter(RaceBudget budget)
    {
        lock (_lock)
        {
            budget.Actions++;
            budget.Running++;
        }
    }

    /// <summary>An action of a build has ended.</summary>
    public void Leave(RaceBudget budget)
    {
        lock (_lock)
        {
            budget.Running--;
        }
    }

    /// <summary>Whether a build is near its end, as far as can be told: few of its actions run any more.</summary>
    public bool IsTail(RaceBudget budget)
    {
        lock (_lock)
        {
            return budget.Actions >= ManyActions && budget.Running <= Math.Max(1, budget.Actions / ManyActions);
        }
    }

    /// <summary>Asks for a race. Dispose the result when it is over.</summary>
    /// <returns>Null: not now.</returns>
    public Permit? TryBegin(RaceBudget budget)
    {
        lock (_lock)
        {
            if (share <= 0 || _running >= atOnce || budget.Raced >= Always + (int)(share * budget.Actions))
            {
                return null;
            }

            _running++;
            budget.Raced++;
            return new Permit(this, budget);
        }
    }

    private void End(RaceBudget budget, bool hasBegun)
    {
        lock (_lock)
        {
            _running--;
            budget.Raced -= hasBegun ? 0 : 1;
        }
    }

    /// <summary>The right to one race.</summary>
    internal sealed class Permit(RaceGovernor governor, RaceBudget budget) : IDisposable
    {
        private RaceGovernor? _governor = governor;

        /// <summary>Set when a second run was begun; else it was not a race and is not counted.</summary>
        public bool HasBegun { get; set; }

        /// <inheritdoc/>
        public void Dispose() => Interlocked.Exchange(ref _governor, null)?.End(budget, HasBegun);
    }
}
