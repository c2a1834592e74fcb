namespace Repr.Bench;

/// <summary>One way to build the solution.</summary>
/// <param name="Key">Short name, as in "remote".</param>
/// <param name="Title">For the table.</param>
/// <param name="IsRemote">Whether a worker compiles.</param>
/// <param name="Properties">Properties of the build.</param>
internal sealed record Configuration(string Key, string Title, bool IsRemote, params string[] Properties)
{
    /// <summary>How many more projects than <c>-m</c> MSBuild may have in work while their tasks yield; 0: none.</summary>
    public int NodeLimitOffset { get; init; }

    /// <summary>What everything is compared to: the local build as people have it, with a compiler server that is warm.</summary>
    public static Configuration Local { get; } = new("local", "local, warm compiler server", false, "UseSharedCompilation=true");

    /// <summary>The usual remote build, in which every compiler runs.</summary>
    public static Configuration Remote { get; } = new("remote", "remote", true, "ReprCache=off");

    /// <summary>All configurations of a round.</summary>
    public static IReadOnlyList<Configuration> All { get; } =
    [
        Local,
        new("local-cold", "local, no compiler server", false, "UseSharedCompilation=false"),
        Remote,
        new("remote-yielding", "remote, nodes yield (offset 100)", true, "ReprCache=off") { NodeLimitOffset = 100 },
        new("remote-unpredicted", "remote, empty mapping", true, "ReprCache=off", "ReprEmptyMapping=true"),
        new("remote-known", "remote, known results", true),
    ];
}
