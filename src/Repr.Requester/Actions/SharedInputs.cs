using Repr.Requester.Content;

namespace Repr.Requester.Actions;

/// <summary>
/// What many actions look at outside of their sources: a toolchain, headers of the system, packages. Facts about it are made once and
/// serve all of them, until something changes. Immutable, but for what <see cref="SharedMapper"/> keeps here. Safe for concurrent use.
/// </summary>
/// <param name="inputs">What is looked at.</param>
/// <param name="roots">What a worker may read; not resolved.</param>
/// <param name="lastingRoots">Those of them that are neither among the sources nor above them: builds leave the way to them alone.</param>
/// <param name="seen">How many inputs were known when these were taken out of them.</param>
internal sealed class SharedInputs(IReadOnlyDictionary<VirtualPath, ObservedKind> inputs, IReadOnlyList<VirtualPath> roots, IReadOnlyList<VirtualPath> lastingRoots, int seen)
{
    /// <summary>How many inputs were known when these were taken out of them.</summary>
    public int Seen { get; } = seen;

    /// <summary>What is looked at.</summary>
    public IReadOnlyDictionary<VirtualPath, ObservedKind> Inputs { get; } = inputs;

    /// <summary>What a worker may read, besides the system's directories; not resolved.</summary>
    public IReadOnlyList<VirtualPath> Roots { get; } = roots;

    /// <summary>Those of <see cref="Roots"/> that are neither among the sources nor above them.</summary>
    public IReadOnlyList<VirtualPath> LastingRoots { get; } = lastingRoots;

    /// <summary>Held by whoever makes the facts.</summary>
    public SemaphoreSlim Gate { get; } = new(1);

    /// <summary>The facts that were made last.</summary>
    public SharedFacts? Facts { get; set; }

    /// <summary>Changes can't be seen: there will be no facts.</summary>
    public bool IsUnwatchable { get; set; }
}

/// <summary>Facts about <see cref="SharedInputs"/>. Immutable.</summary>
/// <param name="Version">They are true as long as <see cref="Files.TreeWatch.Version"/> is this.</param>
/// <param name="Facts">The facts.</param>
/// <param name="Sources">Where their content is.</param>
/// <param name="Set">The facts as an input set.</param>
/// <param name="Rest">Inputs that have to be looked at for each action.</param>
/// <param name="Busy">Those of them that are directories whose times change all the time.</param>
/// <param name="Roots">Where <see cref="SharedInputs.LastingRoots"/> lead, as far as all on the way there is known and watched.</param>
internal sealed record SharedFacts(
    long Version,
    IReadOnlyDictionary<VirtualPath, InputFact> Facts,
    IReadOnlyDictionary<Digest, ContentSource> Sources,
    ContentSource Set,
    IReadOnlyList<ObservedInput> Rest,
    IReadOnlySet<VirtualPath> Busy,
    IReadOnlyDictionary<VirtualPath, SharedRoot> Roots)
{
    private readonly Lazy<Digest> _world = new(() => ActionFingerprint.Of(Facts.Values.OrderBy(static fact => fact.Path)));

    /// <summary>Names the facts without times.</summary>
    public Digest World => _world.Value;
}

/// <summary>Where a root of what a worker may read leads.</summary>
/// <param name="Path">Its physical path.</param>
/// <param name="Way">All places on the way, and its end.</param>
/// <param name="Facts">Links on the way, and where nothing is. The directories are shared facts, or looked at for each action.</param>
internal sealed record SharedRoot(VirtualPath Path, IReadOnlyList<VirtualPath> Way, IReadOnlyList<InputFact> Facts);
