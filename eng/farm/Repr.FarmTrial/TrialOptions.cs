namespace Repr.FarmTrial;

/// <summary>What is tried, and where the files of the run lie.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Workers">How many workers.</param>
/// <param name="Duration">For how long work goes on.</param>
/// <param name="Seed">Of all chance.</param>
internal sealed record TrialOptions(string Repository, int Workers, TimeSpan Duration, int Seed)
{
    /// <summary>Everything that the trial writes lies here; the directories of a run are removed by the next.</summary>
    public string Artifacts => Path.Combine(Repository, "artifacts/farm");

    /// <summary>The feed with the packed SDK.</summary>
    public string Feed => Path.Combine(Artifacts, "feed");

    /// <summary>The published program, of workers and of requesters.</summary>
    public string Program => Path.Combine(Artifacts, "repr/repr");
}
