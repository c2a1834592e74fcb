namespace Repr.Bench;

/// <summary>What to measure, and where the files of the run lie.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Rounds">How often each configuration is built.</param>
/// <param name="RoundTripMs">Milliseconds of round trip that are added between requester and worker; 0: none.</param>
internal sealed record BenchOptions(string Repository, int Rounds, int RoundTripMs)
{
    /// <summary>Everything that the bench writes lies here.</summary>
    public string Artifacts => Path.Combine(Repository, "artifacts/bench");

    /// <summary>The feed with the packed SDK.</summary>
    public string Feed => Path.Combine(Artifacts, "feed");

    /// <summary>The published worker.</summary>
    public string WorkerProgram => Path.Combine(Artifacts, "worker/repr");

    /// <summary>Cache directory of the requester process, with the build records.</summary>
    public string Cache => Path.Combine(Artifacts, "cache");
}
