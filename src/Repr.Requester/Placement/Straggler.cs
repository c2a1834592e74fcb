namespace Repr.Requester.Placement;

/// <summary>When an action takes so much longer than expected that it is worth a second run. Pure.</summary>
internal static class Straggler
{
    /// <summary>
    /// As TCP's retransmission time-out (RFC 6298, 2.3: mean and four deviations), and never below twice the mean, plus half a second. Towards the end of a build, when
    /// slots are idle and everybody waits for the last actions, earlier (the backup tasks of MapReduce).
    /// </summary>
    /// <param name="expected">How long its like takes.</param>
    /// <param name="aheadMs">What it waits for on its worker first.</param>
    /// <param name="isTail">It is among the last actions of its build.</param>
    public static TimeSpan Threshold(in DurationEstimate expected, double aheadMs, bool isTail)
    {
        (double deviations, double factor, double marginMs) = isTail ? (2.0, 1.5, 200.0) : (4.0, 2.0, 500.0);
        double ms = Math.Max(expected.MeanMs + (deviations * expected.DeviationMs), factor * expected.MeanMs) + (factor * aheadMs) + marginMs;
        return TimeSpan.FromMilliseconds(Math.Min(ms, 3_600_000));
    }
}
