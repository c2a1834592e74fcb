using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Repr.Server.Execution;

/// <summary>
/// The requester's file system as one action sees it: the facts of its input mapping first, and for everything else a question
/// to the requester, asked once. Answers are kept, so the view does not change while the action runs. Content is opened from the
/// worker's store; what the store lacks is asked for again. Safe for concurrent use.
/// </summary>
/// <remarks>
/// Some directories are the worker's own affair (<see cref="PrivateDirectories"/>, and those of an action's temporary files): only mapped
/// facts exist in them, and nobody is asked about them.
/// </remarks>
internal sealed partial class InputTree : IFileSource
{
    /// <summary>Directories below which only mapped facts exist.</summary>
    public static readonly IReadOnlyList<VirtualPath> PrivateDirectories =
        [.. new[] { "/proc", "/dev", "/sys", "/run", "/tmp" }.Select(VirtualPath.Parse)];

    private readonly ConcurrentDictionary<VirtualPath, Lazy<Task<InputFact>>> _facts;
    private readonly ConcurrentDictionary<VirtualPath, Lazy<Task<IReadOnlyList<InputFact>>>> _listings;
    private readonly ConcurrentDictionary<VirtualPath, Lazy<Task<FileFact>>> _contents;
    private readonly ILookup<VirtualPath, VirtualPath> _mappedChildren;
    private readonly IReadOnlyList<VirtualPath> _private;
    private readonly HashSet<VirtualPath> _ways; // the directories above the action's own private ones
    private readonly ILocalContentStore _store;
    private readonly IContentLease _lease;
    private readonly IRequesterFiles _requester;
    private readonly CancellationToken _actionStopped;
    private readonly bool _timesFromContent;
    private int _questions;

    /// <summary>Makes the view of one action.</summary>
    /// <param name="mapping">What is known; each path once.</param>
    /// <param name="store">Where content is opened.</param>
    /// <param name="lease">Keeps the action's content in the store.</param>
    /// <param name="requester">Who is asked about the rest.</param>
    /// <param name="temporary">Further private directories, of this action: they are there, and so are those above them.</param>
    /// <param name="actionStopped">Ends all questions; an answer is shared, so no single file operation's end may cancel it.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: a path occurs twice.</exception>
    public InputTree(
        IReadOnlyCollection<InputFact> mapping,
        ILocalContentStore store,
        IContentLease lease,
        IRequesterFiles requester,
        IReadOnlyList<VirtualPath> temporary,
        CancellationToken actionStopped)
    {
        _facts = new();
        _listings = new();
        _contents = new();
        _store = store;
        _lease = lease;
        _requester = requester;
        _private = [.. PrivateDirectories, .. temporary];
        _ways = [.. temporary.SelectMany(Above).Except(temporary)];
        _actionStopped = actionStopped;
        foreach (InputFact fact in mapping)
        {
            Keep(fact);
            if (!_facts.TryAdd(fact.Path, Known(fact)))
            {
                throw new ReprException(ReprErrorCode.InvalidRequest, $"The input mapping names '{fact.Path}' twice.");
            }
        }

        AddPrivate(PrivateDirectories);
        IOrderedEnumerable<VirtualPath> made = AddTemporary(temporary);
        _facts.TryAdd(VirtualPath.Root, Known(new DirectoryFact(VirtualPath.Root, IsComplete: false, PrivateMode, ModifiedNs: 0)));
        _mappedChildren = mapping.Select(fact => fact.Path)
            .Concat(_private)
            .Concat(made)
            .Concat(_ways)
            .Distinct()
            .Where(path => !path.IsRoot)
            .ToLookup(path => path.Parent);
    }

    /// <summary>Makes another view of the same action: what one was answered, the other knows. What is observed and counted is each one's own.</summary>
    /// <param name="other">The view whose answers it shares.</param>
    /// <param name="timesFromContent">
    /// Shows each file's time of change as one that its content decides on, for a tool that remembers files by path and time.
    /// </param>
    public InputTree(InputTree other, bool timesFromContent)
    {
        _timesFromContent = timesFromContent;
        _facts = other._facts;
        _listings = other._listings;
        _contents = other._contents;
        _mappedChildren = other._mappedChildren;
        _private = other._private;
        _ways = other._ways;
        _store = other._store;
        _lease = other._lease;
        _requester = other._requester;
        _actionStopped = other._actionStopped;
    }

    /// <summary>What was looked at.</summary>
    public ObservedInputs Observed { get; } = new();

    /// <summary>Time in which at least one file operation waited for the requester.</summary>
    public WaitClock Waits { get; } = new();

    /// <summary>The files that were opened.</summary>
    public Hydration Hydration { get; } = new();

    /// <summary>Whether many paths can be asked about at once.</summary>
    public bool AsksMany => _requester.AnswersMany;

    /// <summary>How many questions were asked.</summary>
    public int Questions => Volatile.Read(ref _questions);

    /// <inheritdoc/>
    public ValueTask<FileEntry?> FindAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        if (_facts.TryGetValue(path, out Lazy<Task<InputFact>>? known) && known.IsValueCreated && known.Value.IsCompletedSuccessfully)
        {
            return new ValueTask<FileEntry?>(Found(known.Value.Result));
        }

        VirtualPath parent = path.Parent;
        if (_facts.TryGetValue(parent, out Lazy<Task<InputFact>>? directory)
            && directory.IsValueCreated
            && directory.Value is { IsCompletedSuccessfully: true, Result: DirectoryFact { IsComplete: true } })
        {
            Note(path, ObservedKind.Absent);
            return new ValueTask<FileEntry?>((FileEntry?)null);
        }

        return FindSlowlyAsync(path, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<FileEntry>> ListAsync(VirtualPath directory, CancellationToken cancellationToken)
    {
        IReadOnlyList<InputFact> listed = await _listings
            .GetOrAdd(directory, path => new(() => ListOnceAsync(path)))
            .Value.WaitAsync(cancellationToken);
        Note(directory, ObservedKind.Listed);
        return ToEntries(listed);
    }

    /// <inheritdoc/>
    public async ValueTask<SafeFileHandle> OpenAsync(VirtualPath file, CancellationToken cancellationToken)
    {
        long asked = Stopwatch.GetTimestamp();
        if (await FactAsync(file).WaitAsync(cancellationToken) is not FileFact fact)
        {
            throw new ReprException(ReprErrorCode.Internal, $"'{file}' was opened, but it is not a file.");
        }

        Observed.Note(file, ObservedKind.Read);
        if (fact.Digest is { } promised && await TryOpenAsync(promised, cancellationToken) is { } handle)
        {
            Hydration.Note(asked, fact.SizeBytes);
            return handle;
        }

        FileFact answer = await _contents
            .GetOrAdd(file, path => new(() => AskContentOnceAsync(path, fact)))
            .Value.WaitAsync(cancellationToken);
        Hydration.Note(asked, fact.SizeBytes);
        return await TryOpenAsync(answer.Digest!.Value, cancellationToken)
            ?? throw new ReprException(
                ReprErrorCode.Corrupt, $"The content {answer.Digest} of '{file}' is not in the store although the requester has just sent it.");
    }

    /// <summary>What is known of a path, asked for if it must be. Not noted as looked at.</summary>
    /// <exception cref="ReprException">The requester does not say.</exception>
    public async ValueTask<InputFact> DescribeAsync(VirtualPath path, CancellationToken cancellationToken) =>
        !path.IsRoot
            && !_facts.ContainsKey(path)
            && _facts.TryGetValue(path.Parent, out Lazy<Task<InputFact>>? parent)
            && await parent.Value.WaitAsync(cancellationToken) is DirectoryFact { IsComplete: true }
                ? new AbsentFact(path)
                : await FactAsync(path).WaitAsync(cancellationToken);

    /// <summary>The digest of a file's content, asked for if it must be.</summary>
    /// <exception cref="ReprException">The requester does not say.</exception>
    public async ValueTask<Digest> DigestAsync(FileFact file, CancellationToken cancellationToken) =>
        file.Digest ?? (await _contents
            .GetOrAdd(file.Path, path => new(() => AskContentOnceAsync(path, file)))
            .Value.WaitAsync(cancellationToken)).Digest!.Value;

    private async ValueTask<SafeFileHandle?> TryOpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (_store.TryOpenFile(digest) is { } near)
        {
            return near;
        }

        try
        {
            // A store behind this machine's may have it; opening brings it here.
            await using Stream? content = await _store.OpenAsync(digest, cancellationToken);
            return content is null ? null : _store.TryOpenFile(digest);
        }
        catch (ReprException)
        {
            return null; // the requester has it in any case
        }
    }

    private static Lazy<Task<InputFact>> Known(InputFact fact)
    {
        Task<InputFact> task = Task.FromResult(fact);
        Lazy<Task<InputFact>> known = new(task);
        _ = known.Value;
        return known;
    }

    private FileEntry? ToEntry(InputFact fact) => fact switch
    {
        FileFact file => new FileEntry(
            file.Path.Name, FileKind.File, file.SizeBytes, _timesFromContent ? ContentTime.Of(file.Digest) : file.ModifiedNs, file.Mode),
        DirectoryFact directory => new FileEntry(directory.Path.Name, FileKind.Directory, 0, directory.ModifiedNs, directory.Mode),
        SymlinkFact link => new FileEntry(link.Path.Name, FileKind.Symlink, Encoding.UTF8.GetByteCount(link.Target), 0, 0x1FF, link.Target),
        _ => null,
    };

    private async ValueTask<FileEntry?> FindSlowlyAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        if (IsPrivate(path) && Peek(path) is AbsentFact)
        {
            Note(path, ObservedKind.Absent);
            return null;
        }

        return Found(await FactAsync(path).WaitAsync(cancellationToken));
    }

    private FileEntry? Found(InputFact fact)
    {
        FileEntry? entry = ToEntry(fact);
        // A time that follows from the content tells of the content.
        Observed.Note(
            fact.Path,
            entry is null ? ObservedKind.Absent : _timesFromContent && fact is FileFact { Digest: not null } ? ObservedKind.Read : ObservedKind.Stated);
        return entry;
    }

    private Task<InputFact> FactAsync(VirtualPath path) =>
        _facts.GetOrAdd(path, missing => new(() => AskAsync(
            async () =>
            {
                InputFact fact = await _requester.AskEntryAsync(missing, _actionStopped);
                if (fact is AbsentFact && _ways.Contains(missing))
                {
                    return MakeWay(missing);
                }

                Keep(fact);
                return fact;
            }))).Value;

    private async Task<IReadOnlyList<InputFact>> ListOnceAsync(VirtualPath directory)
    {
        bool isComplete = await FactAsync(directory) is DirectoryFact { IsComplete: true };
        if (!isComplete)
        {
            IReadOnlyList<InputFact> listed = await AskAsync(() => _requester.AskListingAsync(directory, _actionStopped));
            foreach (InputFact fact in listed)
            {
                if (fact is AbsentFact || fact.Path.IsRoot || fact.Path.Parent != directory)
                {
                    throw new ReprException(ReprErrorCode.InvalidRequest, $"The listing of '{directory}' names '{fact.Path}'.");
                }

                Keep(fact);
                _facts.TryAdd(fact.Path, Known(fact)); // an earlier fact stays: the view does not change
            }

            return await FactsAsync(listed.Select(fact => fact.Path).Concat(_mappedChildren[directory]));
        }

        return await FactsAsync(_mappedChildren[directory]);
    }

    private async Task<IReadOnlyList<InputFact>> FactsAsync(IEnumerable<VirtualPath> paths)
    {
        List<InputFact> facts = [];
        foreach (VirtualPath path in paths.Distinct())
        {
            facts.Add(await FactAsync(path));
        }

        return facts;
    }

    private IReadOnlyList<FileEntry> ToEntries(IEnumerable<InputFact> facts) => [.. facts.Select(ToEntry).OfType<FileEntry>()];

    private async Task<FileFact> AskContentOnceAsync(VirtualPath path, FileFact expected)
    {
        FileFact answer = await AskAsync(() => _requester.AskContentAsync(path, _actionStopped));
        if (answer.Digest is not { } digest || answer.SizeBytes != expected.SizeBytes || (expected.Digest is { } known && known != digest))
        {
            throw new ReprException(ReprErrorCode.InvalidInput, $"'{path}' changed on the requester while the action ran.");
        }

        Keep(answer);
        return answer;
    }

    private async Task<T> AskAsync<T>(Func<Task<T>> question)
    {
        Interlocked.Increment(ref _questions);
        Waits.Enter();
        try
        {
            return await question();
        }
        finally
        {
            Waits.Leave();
        }
    }

    private void Keep(InputFact fact)
    {
        if (fact is FileFact { Digest: { } digest })
        {
            _lease.Add(digest);
        }
    }
}
