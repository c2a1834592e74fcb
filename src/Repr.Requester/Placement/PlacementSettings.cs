namespace Repr.Requester.Placement;

/// <summary>Section <c>Placement</c> of a requester's settings file: bounds of what <c>ReprPlacement</c> may do.</summary>
public sealed class PlacementSettings
{
    /// <summary>How many actions may run here by choice at the same time, whatever else runs here; 0: none. Unset: as many as processors are idle.</summary>
    public int? LocalSlots { get; set; }

    /// <summary>The share of a build's actions that may be run a second time because they take long, besides the first two; 0: none at all.</summary>
    public double RaceShare { get; set; } = 0.1;

    /// <summary>How many of them at the same time, over all builds.</summary>
    public int RacesAtOnce { get; set; } = 4;

    /// <summary>All that is wrong, one sentence each.</summary>
    internal IEnumerable<string> FindProblems()
    {
        if (LocalSlots < 0)
        {
            yield return "Placement: LocalSlots is negative.";
        }

        if (RaceShare is not (>= 0 and <= 1))
        {
            yield return "Placement: RaceShare is not between 0 and 1.";
        }

        if (RacesAtOnce < 0)
        {
            yield return "Placement: RacesAtOnce is negative.";
        }
    }
}
