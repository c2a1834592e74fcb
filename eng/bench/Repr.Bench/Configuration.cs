namespace Repr.Bench;

/// <summary>One way to build a workload.</summary>
/// <param name="Key">Short name, as in "remote".</param>
/// <param name="Title">For the table.</param>
/// <param name="Tool">The tool that runs the compiles; null: none.</param>
internal sealed record Configuration(string Key, string Title, string? Tool)
{
    /// <summary>Properties of MSBuild.</summary>
    public IReadOnlyList<string> Properties { get; init; } = [];

    /// <summary>Added to the environment of the build.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>How many more projects than <c>-m</c> MSBuild may have in work while their tasks yield; 0: none.</summary>
    public int NodeLimitOffset { get; init; }

    /// <summary>The first build, before the rounds, is told as a row of its own: there was nothing to start from.</summary>
    public bool HasFirst { get; init; }

    /// <summary>A build before the rounds fills what it takes from.</summary>
    public bool IsFilled { get; init; }

    /// <summary>What the tool has kept is thrown away before each build.</summary>
    public bool IsCold { get; init; }

    /// <summary>Whether it is Repr's.</summary>
    public bool IsRepr => Tool == "repr";

    /// <summary>All ways to build C#. The first is what all are compared to.</summary>
    public static IReadOnlyList<Configuration> AllOfSolutions { get; } =
    [
        new("local", "local, warm compiler server", null) { Properties = ["UseSharedCompilation=true"] },
        new("local-cold", "local, no compiler server", null) { Properties = ["UseSharedCompilation=false"] },
        new("remote", "remote", "repr") { Properties = ["ReprCache=off"], HasFirst = true },
        new("remote-yielding", "remote, nodes yield (offset 100)", "repr") { Properties = ["ReprCache=off"], NodeLimitOffset = 100 },
        new("remote-unpredicted", "remote, empty mapping", "repr") { Properties = ["ReprCache=off", "ReprEmptyMapping=true"] },
        new("remote-known", "remote, known results", "repr") { IsFilled = true },
    ];

    /// <summary>Ways to build C#. The first is what all are compared to, and always among them.</summary>
    /// <param name="keys">Which of <see cref="AllOfSolutions"/>.</param>
    public static IReadOnlyList<Configuration> OfSolutions(IReadOnlyCollection<string> keys) =>
        [AllOfSolutions[0], .. AllOfSolutions.Skip(1).Where(configuration => keys.Contains(configuration.Key))];

    /// <summary>The ways to build C and C++. The first is what all are compared to.</summary>
    /// <param name="tools">Which tools.</param>
    public static IReadOnlyList<Configuration> OfCompilers(IReadOnlyCollection<string> tools) =>
    [
        new("local", "local", null),
        .. new Configuration[]
        {
            new("repr", "Repr", "repr") { HasFirst = true },
            new("repr-known", "Repr, known results", "repr")
            {
                Environment = new Dictionary<string, string> { ["REPR_CACHE"] = "readwrite" },
                IsFilled = true,
            },
            new("distcc", "distcc", "distcc") { HasFirst = true },
            new("pump", "distcc-pump", "pump") { HasFirst = true },
            new("icecc", "icecc", "icecc") { HasFirst = true },
            new("ccache-cold", "ccache, empty", "ccache-cold") { IsCold = true },
            new("ccache", "ccache, filled", "ccache") { IsFilled = true },
            new("sccache-cold", "sccache, empty", "sccache-cold") { IsCold = true },
            new("sccache", "sccache, filled", "sccache") { IsFilled = true },
        }.Where(configuration => tools.Contains(configuration.Tool!.Replace("-cold", "", StringComparison.Ordinal))),
    ];
}
