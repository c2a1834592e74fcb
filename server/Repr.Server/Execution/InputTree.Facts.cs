namespace Repr.Server.Execution;

// What the tree knows, for others than the tool: nothing of this is noted as observed.
internal sealed partial class InputTree
{
    /// <summary>The files whose content is known, and the links: what a tool may have in its memory from earlier actions.</summary>
    public IEnumerable<ObservedInput> KnownFiles => _facts.Keys
        .Where(path => PeekAt(path) is SymlinkFact || (PeekAt(path) is FileFact file && PeekContent(file) is not null))
        .Select(static path => new ObservedInput(path, ObservedKind.Read));

    /// <summary>What is at a path, as far as it is known without a question; else null.</summary>
    public InputFact? Peek(VirtualPath path)
    {
        if (PeekAt(path) is { } known)
        {
            return known;
        }

        // Nothing is below what is no directory, nor below a complete one without it.
        for (VirtualPath place = path; !place.IsRoot; place = place.Parent)
        {
            switch (PeekAt(place.Parent))
            {
                case null or DirectoryFact { IsComplete: false }:
                    break;
                case DirectoryFact when PeekAt(place) is not null:
                    return null;
                default:
                    return new AbsentFact(path);
            }
        }

        return null;
    }

    /// <summary>The content of a file, as far as it is known without a question; else null.</summary>
    public Digest? PeekContent(FileFact file) =>
        file.Digest
        ?? (_contents.TryGetValue(file.Path, out Lazy<Task<FileFact>>? asked) && asked is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }
            ? asked.Value.Result.Digest
            : null);

    /// <summary>The entries of a directory, as far as they are known without a question; else null.</summary>
    public IReadOnlyList<FileEntry>? PeekListing(DirectoryFact directory)
    {
        if (directory.IsComplete)
        {
            return ToEntries(_mappedChildren[directory.Path].Select(PeekAt).OfType<InputFact>());
        }

        return _listings.TryGetValue(directory.Path, out Lazy<Task<IReadOnlyList<InputFact>>>? asked)
            && asked is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }
                ? ToEntries(asked.Value.Result)
                : null;
    }

    /// <summary>What is at a path; asks if it is not known. The action sees the same afterwards.</summary>
    /// <exception cref="ReprException">The answer could not be had; nor will the action have it.</exception>
    public async Task<InputFact> LookAsync(VirtualPath path, CancellationToken cancellationToken) =>
        Peek(path) ?? await FactAsync(path).WaitAsync(cancellationToken);

    /// <summary>The content of a file; asks if it is not known.</summary>
    /// <exception cref="ReprException">The answer could not be had; nor will the action have it.</exception>
    public async Task<Digest> LookIntoAsync(FileFact file, CancellationToken cancellationToken) =>
        PeekContent(file)
        ?? (await _contents.GetOrAdd(file.Path, path => new(() => AskContentOnceAsync(path, file))).Value.WaitAsync(cancellationToken)).Digest!.Value;

    /// <summary>The entries of a directory; asks if they are not known.</summary>
    /// <exception cref="ReprException">The answer could not be had; nor will the action have it.</exception>
    public async Task<IReadOnlyList<FileEntry>> LookOverAsync(DirectoryFact directory, CancellationToken cancellationToken) =>
        PeekListing(directory)
        ?? ToEntries(await _listings.GetOrAdd(directory.Path, path => new(() => ListOnceAsync(path))).Value.WaitAsync(cancellationToken));

    /// <summary>Whether what a run did at a path can be done without a question.</summary>
    public bool Knows(ObservedInput input) => Peek(input.Path) switch
    {
        null => false,
        FileFact file when input.Kind == ObservedKind.Read => PeekContent(file) is not null,
        DirectoryFact { IsComplete: false } directory when input.Kind == ObservedKind.Listed => _listings.ContainsKey(directory.Path),
        _ => true,
    };

    /// <summary>Whether a file directly in this directory was known from the start: the requester has named it itself.</summary>
    public bool HasMappedFileIn(VirtualPath directory) => _mappedChildren[directory].Any(child => PeekAt(child) is FileFact);

    /// <summary>
    /// Asks about many paths at once. What is known already stays as it is; what is not said is asked for when it is looked at. The action sees
    /// the same afterwards.
    /// </summary>
    /// <exception cref="ReprException">The answer could not be had.</exception>
    public async Task LookAtManyAsync(IReadOnlyCollection<ObservedInput> inputs, CancellationToken cancellationToken)
    {
        IReadOnlyList<InputFact> said = await AskAsync(() => _requester.AskManyAsync(inputs, _actionStopped)).WaitAsync(cancellationToken);
        ILookup<VirtualPath, VirtualPath> entries = said.Where(static fact => !fact.Path.IsRoot).ToLookup(static fact => fact.Path.Parent, static fact => fact.Path);
        foreach (InputFact fact in said.OrderBy(static fact => fact.Path)) // what is above comes first: nothing is below a directory that is complete without it
        {
            if (Peek(fact.Path) is null)
            {
                // What a directory has is kept as its listing: the mapping alone says what is in a complete one.
                Keep(fact);
                _facts.TryAdd(fact.Path, Known(fact is DirectoryFact complete ? complete with { IsComplete = false } : fact));
            }
            else if (fact is FileFact { Digest: not null } file && PeekAt(fact.Path) is FileFact { Digest: null } before && before.SizeBytes == file.SizeBytes)
            {
                Keep(fact);
                _contents.TryAdd(fact.Path, new Lazy<Task<FileFact>>(Task.FromResult(file)));
            }
        }

        foreach (DirectoryFact directory in said.OfType<DirectoryFact>().Where(directory => directory.IsComplete))
        {
            if (PeekAt(directory.Path) is DirectoryFact { IsComplete: false })
            {
                Lazy<Task<IReadOnlyList<InputFact>>> listing = new(() => FactsAsync(entries[directory.Path].Concat(_mappedChildren[directory.Path])));
                if (_listings.TryAdd(directory.Path, listing))
                {
                    await listing.Value.WaitAsync(cancellationToken); // all of it is known
                }
            }
        }
    }

    private InputFact? PeekAt(VirtualPath path) =>
        _facts.TryGetValue(path, out Lazy<Task<InputFact>>? known) && known is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }
            ? known.Value.Result
            : null;
}
