namespace Repr.Requester.Placement;

/// <summary>
/// How long something takes, learned from how long it took: a smoothed mean and mean deviation, as TCP has them of round trips (Jacobson; RFC 6298, 2.3), with a
/// gain of a quarter for both, since what is compiled changes from build to build. Immutable.
/// </summary>
/// <param name="MeanMs">Milliseconds.</param>
/// <param name="DeviationMs">Mean distance from it, milliseconds.</param>
/// <param name="Count">How many were measured.</param>
internal readonly record struct DurationEstimate(double MeanMs, double DeviationMs, int Count)
{
    private const double Gain = 0.25;

    /// <summary>With one more measurement.</summary>
    public DurationEstimate With(double ms) => Count == 0
        ? new DurationEstimate(ms, ms / 2, 1)
        : new DurationEstimate(
            MeanMs + (Gain * (ms - MeanMs)), DeviationMs + (Gain * (Math.Abs(ms - MeanMs) - DeviationMs)), Math.Min(Count + 1, int.MaxValue - 1));
}
