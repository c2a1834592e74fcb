using System.Globalization;

namespace Repr.Requester.Placement;

/// <summary>What a remote run is made of. Durations are milliseconds.</summary>
internal readonly record struct RemoteCost
{
    /// <summary>Until it has a slot.</summary>
    public double QueueMs { get; init; }

    /// <summary>From a message to its answer.</summary>
    public double RoundTripMs { get; init; }

    /// <summary>How many one after the other.</summary>
    public int RoundTrips { get; init; }

    /// <summary>Content that the worker is not known to have.</summary>
    public long MissingBytes { get; init; }

    /// <summary>What the way to it carries; 0: not known, and no bound.</summary>
    public double BytesPerMs { get; init; }

    /// <summary>Making the workspace, and collecting the outputs.</summary>
    public double SetupMs { get; init; }

    /// <summary>The tool.</summary>
    public double ToolMs { get; init; }

    /// <summary>How many of such actions have a known result, 0 to 1: neither set-up nor tool.</summary>
    public double KnownShare { get; init; }

    /// <summary>All of it.</summary>
    public double TotalMs =>
        QueueMs + (RoundTripMs * RoundTrips) + (BytesPerMs > 0 ? MissingBytes / BytesPerMs : 0) + ((1 - KnownShare) * (SetupMs + ToolMs));
}

/// <summary>What a local run is made of. Durations are milliseconds.</summary>
internal readonly record struct LocalCost
{
    /// <summary>The tool, on a processor of its own.</summary>
    public double ToolMs { get; init; }

    /// <summary>Programs that want a processor now, without this one.</summary>
    public double Busy { get; init; }

    /// <summary>Processors.</summary>
    public int Processors { get; init; }

    /// <summary>The tool, with what it shares the processors with.</summary>
    public double TotalMs => ToolMs * Math.Max(1, (Busy + 1) / Math.Max(1, Processors));
}

/// <summary>Where an action runs, and why.</summary>
/// <param name="IsLocal">Here.</param>
/// <param name="Reason">For people and the build record.</param>
internal readonly record struct PlacementDecision(bool IsLocal, string Reason);

/// <summary>
/// Decides by predicted times whether an action stays here. In doubt it does not: a wrong prediction costs a processor of this machine, which is what Repr is there to
/// spare. Pure.
/// </summary>
internal static class CostModel
{
    /// <summary>To come here, a local run must take less than this share of the remote one...</summary>
    private const double ComesBelow = 0.67;

    /// <summary>...and to go away again, more than this one: between them what was decided last stays (hysteresis).</summary>
    private const double GoesAbove = 1.0;

    /// <summary>Less than this is not worth it, in milliseconds.</summary>
    private const double LeastGainMs = 10;

    /// <summary>Decides.</summary>
    /// <param name="remote">Predicted.</param>
    /// <param name="local">Predicted.</param>
    /// <param name="wasLocal">What was decided for its like the last time.</param>
    /// <param name="hasRoom">Whether this machine has room for one more.</param>
    public static PlacementDecision Decide(in RemoteCost remote, in LocalCost local, bool wasLocal, bool hasRoom)
    {
        double there = remote.TotalMs;
        double here = local.TotalMs;
        string times = string.Create(CultureInfo.InvariantCulture, $"about {here:0} ms here, {there:0} ms on a worker");
        if (here >= there * (wasLocal ? GoesAbove : ComesBelow) || (!wasLocal && there - here < LeastGainMs))
        {
            return new PlacementDecision(false, $"remote: {times}");
        }

        return hasRoom
            ? new PlacementDecision(true, $"local: {times}")
            : new PlacementDecision(false, $"remote: {times}, but this machine has no room");
    }
}
