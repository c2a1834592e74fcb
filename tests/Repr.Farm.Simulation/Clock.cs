namespace Repr.Farm.Simulation;

/// <summary>Virtual time: what is to happen, in order. Two things at the same time happen in the order in which they were planned.</summary>
internal sealed class Clock
{
    private readonly PriorityQueue<Action, (double At, long Order)> _planned = new();
    private long _order;

    /// <summary>Seconds since the start.</summary>
    public double Now { get; private set; }

    public TimeSpan Time => TimeSpan.FromSeconds(Now);

    /// <summary>Things that have happened.</summary>
    public long Happened { get; private set; }

    public void After(double seconds, Action what) => _planned.Enqueue(what, (Now + seconds, ++_order));

    /// <summary>Lets the next thing happen; false: nothing is planned.</summary>
    public bool Step()
    {
        if (!_planned.TryDequeue(out Action? what, out (double At, long Order) when))
        {
            return false;
        }

        Now = when.At;
        Happened++;
        what();
        return true;
    }
}
