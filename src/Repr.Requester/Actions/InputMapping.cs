using Repr.Requester.Content;
using Repr.Requester.Files;

namespace Repr.Requester.Actions;

/// <summary>
/// All that is known about the requester's files before an action starts. Immutable once made; safe for concurrent
/// reading.
/// </summary>
internal sealed class InputMapping
{
    private readonly Dictionary<VirtualPath, InputFact> _facts;
    private readonly Dictionary<Digest, ContentSource> _sources;
    private ILookup<VirtualPath, InputFact>? _entries; // by directory

    /// <summary>Makes a mapping.</summary>
    /// <param name="facts">The action's own; those that are shared are taken out.</param>
    /// <param name="sources">Where the content of its own is.</param>
    /// <param name="imposed">Paths whose fact is not the disk's.</param>
    /// <param name="policy">What the worker may ask for.</param>
    /// <param name="shared">Facts that it shares with others; null: none.</param>
    public InputMapping(
        Dictionary<VirtualPath, InputFact> facts,
        Dictionary<Digest, ContentSource> sources,
        IReadOnlySet<VirtualPath> imposed,
        ReadPolicy policy,
        SharedFacts? shared)
    {
        _facts = facts;
        _sources = sources;
        Imposed = imposed;
        Policy = policy;
        Shared = shared;
        if (shared is not null)
        {
            foreach (VirtualPath path in facts.Keys.Where(shared.Facts.ContainsKey).ToList())
            {
                facts.Remove(path);
            }
        }
    }

    /// <summary>The action's own facts, in the order of their paths.</summary>
    public IEnumerable<InputFact> Facts => _facts.Values.OrderBy(fact => fact.Path);

    /// <summary>Paths of the files of which something is known, in no order.</summary>
    public IEnumerable<VirtualPath> Files =>
        All.OfType<FileFact>().Select(static fact => fact.Path);

    /// <summary>Facts that it shares with others; none of them is about a path of <see cref="Facts"/>.</summary>
    public SharedFacts? Shared { get; }

    /// <summary>When it was made, in nanoseconds since 1970 UTC.</summary>
    public required long MadeNs { get; init; }

    /// <summary>How many facts there are.</summary>
    public int Count => _facts.Count + (Shared?.Facts.Count ?? 0);

    /// <summary>Where the content of each mapped digest is.</summary>
    public IEnumerable<ContentSource> Sources => Shared is null ? _sources.Values : _sources.Values.Concat(Shared.Sources.Values);

    /// <summary>Paths whose fact is not the disk's: virtual files and outputs.</summary>
    public IReadOnlySet<VirtualPath> Imposed { get; }

    /// <summary>What the worker may ask for.</summary>
    public ReadPolicy Policy { get; }

    /// <summary>Physical paths of the declared output files.</summary>
    public required IReadOnlyList<VirtualPath> OutputFiles { get; init; }

    /// <summary>Physical paths of the declared output directories.</summary>
    public required IReadOnlyList<VirtualPath> OutputDirectories { get; init; }

    /// <summary>Physical paths of the directories in which anything may be changed.</summary>
    public required IReadOnlyList<VirtualPath> WriteRoots { get; init; }

    /// <summary>Physical paths of outputs that may stay placeholders.</summary>
    public IReadOnlySet<VirtualPath> Placeholders { get; init; } = new HashSet<VirtualPath>();

    /// <summary>All of which the worker may return changes; made anew by each call.</summary>
    public IReadOnlyList<VirtualPath> CollectOutputRoots() => [.. OutputFiles.Concat(OutputDirectories).Concat(WriteRoots).Distinct()];

    /// <summary>The drives on which anything of the action is, in order; none but for paths of Windows.</summary>
    public IReadOnlyList<VirtualPath> FindDrives() =>
    [
        .. Policy.Roots.Concat(WriteRoots).Concat(OutputFiles).Concat(OutputDirectories).Concat(_facts.Keys).Concat(Shared?.Facts.Keys ?? [])
            .Where(static path => path.HasDrive)
            .Select(static path => VirtualPath.Root.Append(path.Text[1..3].ToUpperInvariant()))
            .Distinct()
            .Order(),
    ];

    /// <summary>What is known about a path; null: nothing.</summary>
    public InputFact? Find(VirtualPath path) => _facts.GetValueOrDefault(path) ?? Shared?.Facts.GetValueOrDefault(path);

    /// <summary>Whether a path is below an output that starts absent, or below a directory that is complete without it: then it is absent too.</summary>
    public bool IsBelowAbsent(VirtualPath path)
    {
        for (VirtualPath place = path; !place.IsRoot; place = place.Parent)
        {
            InputFact? parent = Find(place.Parent);
            if (parent is AbsentFact || (parent is DirectoryFact { IsComplete: true } && Find(place) is null))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether all that another mapping of the same action said is said by this one too, but for times, and nothing else that is there: what is not said is absent without a question in
    /// some places, as a worker's /tmp.
    /// </summary>
    /// <param name="other">The other mapping.</param>
    /// <param name="isMore">What may be there besides.</param>
    public bool SaysAllOf(InputMapping other, Func<InputFact, bool> isMore) =>
        CollectOutputRoots().SequenceEqual(other.CollectOutputRoots())
        && Policy.Roots.SequenceEqual(other.Policy.Roots)
        && other.All.All(fact => Says(fact) && (fact is not DirectoryFact { IsComplete: true } || HasSameNames(fact.Path, other.FindEntries(fact.Path))))
        && All.All(fact => fact is AbsentFact || other.Find(fact.Path) is not null || isMore(fact));

    /// <summary>Whether this mapping says the same of a path, but for times. It may know more than what is there: the content, all entries.</summary>
    public bool Says(InputFact said) => (Find(said.Path), said) switch
    {
        (FileFact now, FileFact file) => now.Mode == file.Mode && now.SizeBytes == file.SizeBytes && (file.Digest is null || now.Digest == file.Digest),
        (DirectoryFact now, DirectoryFact directory) => now.Mode == directory.Mode && (now.IsComplete || !directory.IsComplete),
        (SymlinkFact now, SymlinkFact link) => now.Target == link.Target,
        (AbsentFact, AbsentFact) => true,
        (null, AbsentFact) => IsBelowAbsent(said.Path),
        _ => false,
    };

    /// <summary>Whether a directory is known completely, and has just these entries and no others.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="entries">What it has; absent ones do not count.</param>
    public bool HasSameNames(VirtualPath directory, IEnumerable<InputFact> entries) =>
        Find(directory) is DirectoryFact { IsComplete: true }
        && NamesOf(entries).SetEquals(NamesOf(FindEntries(directory)));

    private IEnumerable<InputFact> All => Shared is null ? _facts.Values : _facts.Values.Concat(Shared.Facts.Values);

    // A listing tells the case of a name, also where it does not matter.
    private static HashSet<string> NamesOf(IEnumerable<InputFact> entries) =>
        new(entries.Where(static fact => fact is not AbsentFact).Select(static fact => fact.Path.Text), StringComparer.Ordinal);

    /// <summary>Where the content of a mapped digest is.</summary>
    public ContentSource SourceOf(Digest digest) => _sources.TryGetValue(digest, out ContentSource? source) ? source : Shared!.Sources[digest];

    /// <summary>The facts of the entries of a directory that are known.</summary>
    public IEnumerable<InputFact> FindEntries(VirtualPath directory) =>
        LazyInitializer.EnsureInitialized(ref _entries, () => All.Where(static fact => !fact.Path.IsRoot).ToLookup(static fact => fact.Path.Parent))[directory];

    /// <summary>Whether a path is a declared output or lies in a declared output directory.</summary>
    public bool IsOutput(VirtualPath path) => OutputFiles.Contains(path) || OutputDirectories.Any(path.IsWithin);
}
