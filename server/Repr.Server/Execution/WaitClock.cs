using System.Diagnostics;

namespace Repr.Server.Execution;

/// <summary>Adds up the time in which at least one of several overlapping waits was under way. Safe for concurrent use.</summary>
internal sealed class WaitClock
{
    private readonly Lock _lock = new();
    private int _waiting;
    private long _since;
    private long _ticks;

    /// <summary>Time waited so far, in milliseconds.</summary>
    public double TotalMs
    {
        get
        {
            lock (_lock)
            {
                return (_ticks + (_waiting > 0 ? Stopwatch.GetTimestamp() - _since : 0)) * 1000.0 / Stopwatch.Frequency;
            }
        }
    }

    /// <summary>A wait begins. Every call is followed by one of <see cref="Leave"/>.</summary>
    public void Enter()
    {
        lock (_lock)
        {
            if (_waiting++ == 0)
            {
                _since = Stopwatch.GetTimestamp();
            }
        }
    }

    /// <summary>A wait ends.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            if (--_waiting == 0)
            {
                _ticks += Stopwatch.GetTimestamp() - _since;
            }
        }
    }
}
