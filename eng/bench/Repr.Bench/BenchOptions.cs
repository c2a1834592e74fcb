using Repr.Bench.Peers;

namespace Repr.Bench;

/// <summary>What to measure, and where the files of the run lie.</summary>
internal sealed record BenchOptions
{
    /// <summary>The workloads that are samples of the repository; any other name is a source package of Debian.</summary>
    public static IReadOnlyList<string> Samples { get; } = ["csharp", "cxx"];

    /// <summary>The tools of C and C++ builds, in the order of the tables.</summary>
    public static IReadOnlyList<string> AllTools { get; } = ["repr", "distcc", "pump", "icecc", "ccache", "sccache"];

    /// <summary>The ways in which C# is built.</summary>
    public static IReadOnlyList<string> AllBuilds { get; } = [.. Configuration.AllOfSolutions.Select(static configuration => configuration.Key)];

    /// <summary>The repository.</summary>
    public required string Repository { get; init; }

    /// <summary>How often each configuration is built.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>Milliseconds of round trip between requester and worker; for each, all is measured.</summary>
    public IReadOnlyList<double> RoundTripsMs { get; init; } = [0];

    /// <summary>What is built.</summary>
    public IReadOnlyList<string> Workloads { get; init; } = ["csharp"];

    /// <summary>Which tools build C and C++, of <see cref="AllTools"/>.</summary>
    public IReadOnlyList<string> Tools { get; init; } = AllTools;

    /// <summary>The ways in which C# is built besides the local one, of <see cref="AllBuilds"/>.</summary>
    public IReadOnlyList<string> Builds { get; init; } = AllBuilds;

    /// <summary>A solution or project of the user's own, built instead of the sample; null: none.</summary>
    public string? Solution { get; init; }

    /// <summary>What is built of it; null: its default.</summary>
    public string? Target { get; init; }

    /// <summary>Compiles at the same time of C and C++ builds, locally and on workers.</summary>
    public int Jobs { get; init; } = 2 * Environment.ProcessorCount;

    /// <summary>Whether the medians are added to the history.</summary>
    public bool Keep { get; init; }

    /// <summary>Everything that the bench writes lies here.</summary>
    public string Artifacts => Path.Combine(Repository, "artifacts/bench");

    /// <summary>The feed with the packed SDK.</summary>
    public string Feed => Path.Combine(Artifacts, "feed");

    /// <summary>The published program.</summary>
    public string Program => Path.Combine(Artifacts, "worker/repr");

    /// <summary>The medians of earlier runs, one line of JSON for each table.</summary>
    public string History => Path.Combine(Repository, "eng/bench/history.jsonl");

    /// <summary>How tools are started for a part of the run; what an earlier part left is removed.</summary>
    public PeerOptions PeersFor(IReadOnlyList<string> tools, int slots, double roundTripMs)
    {
        string state = Path.Combine(Artifacts, "state");
        if (Directory.Exists(state))
        {
            Directory.Delete(state, recursive: true);
        }

        return new PeerOptions(
            tools, state, Path.Combine(Repository, "eng/cases/pump.py"), Program, slots, TimeSpan.FromMilliseconds(roundTripMs));
    }
}
