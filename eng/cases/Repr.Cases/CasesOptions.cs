using Repr.Bench.Peers;

namespace Repr.Cases;

/// <summary>What to measure, and where the files of the run lie.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Only">Part of the names of the cases to run; null: all.</param>
/// <param name="Tools">The tools, of <see cref="AllTools"/> and in its order.</param>
/// <param name="WithCases">Run the cases.</param>
/// <param name="WithCosts">Measure processor time and bytes per compile.</param>
internal sealed record CasesOptions(string Repository, string? Only, IReadOnlyList<string> Tools, bool WithCases, bool WithCosts)
{
    /// <summary>All tools that can be measured.</summary>
    public static IReadOnlyList<string> AllTools { get; } = ["repr", "distcc", "pump", "icecc", "ccache"];

    /// <summary>The scripts.</summary>
    public string Scripts => Path.Combine(Repository, "eng/cases");

    /// <summary>Everything that the run writes lies here.</summary>
    public string Artifacts => Path.Combine(Repository, "artifacts/cases");

    /// <summary>Where the cases compile. The same for all tools: paths are in what compilers write.</summary>
    public string Work => Path.Combine(Artifacts, "work");

    /// <summary>Logs, caches and stores of the tools.</summary>
    public string State => Path.Combine(Artifacts, "state");

    /// <summary>The published program.</summary>
    public string Repr => Path.Combine(Artifacts, "repr/repr");

    /// <summary>How the tools are started.</summary>
    public PeerOptions Peers => new(Tools, State, Path.Combine(Scripts, "pump.py"), Repr, Slots: 4);
}
