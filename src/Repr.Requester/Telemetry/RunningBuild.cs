using Repr.Requester.Placement;
using Repr.Telemetry;

namespace Repr.Requester.Telemetry;

/// <summary>Actions that belong together, from the first to the moment when none has run for a while. Guarded by <see cref="Builds"/>.</summary>
internal sealed class RunningBuild
{
    /// <summary>What groups its actions; may be empty.</summary>
    public required string Id { get; init; }

    /// <summary>The root of its trace.</summary>
    public required Span Span { get; init; }

    /// <summary>When its first action came.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>Actions that run.</summary>
    public int Running { get; set; }

    /// <summary>What it has had of races; the governor's.</summary>
    public RaceBudget Races { get; } = new();

    /// <summary>When the last action ended.</summary>
    public DateTimeOffset Ended { get; set; }

    /// <summary>The same on the monotonic clock.</summary>
    public long IdleSince { get; set; }

    /// <summary>The ended actions, added up.</summary>
    public BuildEnded Sum { get; set; } = new()
    {
        Time = default,
        Started = default,
        Remote = 0,
        NotRun = 0,
        Cancelled = 0,
        AskedBack = 0,
        UploadedBytes = 0,
        DownloadedBytes = 0,
    };
}
