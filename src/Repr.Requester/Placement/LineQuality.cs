namespace Repr.Requester.Placement;

/// <summary>
/// What the way to one worker is like, from calls that are made anyway: the least of the last round trips (what is more is the worker's work or a queue; as BBR has it), and
/// a smoothed bandwidth. Safe for concurrent use.
/// </summary>
internal sealed class LineQuality
{
    private const int Kept = 16;
    private const long BytesWorthTiming = 64 << 10;
    private const double Gain = 0.25;

    private readonly Lock _lock = new();
    private readonly Queue<double> _roundTrips = [];
    private double _bytesPerMs;

    /// <summary>From a message to its answer, in milliseconds; null: not known yet.</summary>
    public double? RoundTripMs
    {
        get
        {
            lock (_lock)
            {
                return _roundTrips.Count == 0 ? null : _roundTrips.Min();
            }
        }
    }

    /// <summary>What it carries; 0: not known yet.</summary>
    public double BytesPerMs
    {
        get
        {
            lock (_lock)
            {
                return _bytesPerMs;
            }
        }
    }

    /// <summary>Notes a call that carried next to nothing.</summary>
    public void NoteRoundTrip(TimeSpan took)
    {
        lock (_lock)
        {
            _roundTrips.Enqueue(took.TotalMilliseconds);
            if (_roundTrips.Count > Kept)
            {
                _roundTrips.Dequeue();
            }
        }
    }

    /// <summary>Notes a call that carried much; little says nothing about the bandwidth.</summary>
    public void NoteTransfer(long bytes, TimeSpan took)
    {
        if (bytes < BytesWorthTiming)
        {
            return;
        }

        lock (_lock)
        {
            double ms = Math.Max(0.1, took.TotalMilliseconds - (_roundTrips.Count == 0 ? 0 : _roundTrips.Min()));
            double measured = bytes / ms;
            _bytesPerMs = _bytesPerMs == 0 ? measured : _bytesPerMs + (Gain * (measured - _bytesPerMs));
        }
    }
}
