namespace Repr;

/// <summary>What a worker's result cache may do for an action.</summary>
public enum ResultCaching
{
    /// <summary>The tool runs, and nothing is kept.</summary>
    Off = 1,

    /// <summary>A known result is taken; a new one is not kept.</summary>
    Read = 2,

    /// <summary>A known result is taken, a new one is kept.</summary>
    ReadWrite = 3,

    /// <summary>The tool runs; what it leaves is compared with what is known, and kept if nothing is.</summary>
    Verify = 4,
}

/// <summary>The run that a known result is from.</summary>
/// <param name="WorkerId">Where the tool ran.</param>
/// <param name="Ended">When it ended, by that worker's clock.</param>
/// <param name="ToolMs">How long it took, in milliseconds.</param>
public sealed record CachedRun(string WorkerId, DateTimeOffset Ended, double ToolMs);
