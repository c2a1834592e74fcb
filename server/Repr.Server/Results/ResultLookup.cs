using Microsoft.Win32.SafeHandles;
using Repr.Protocol;
using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Reapi;

namespace Repr.Server.Results;

/// <summary>Why no known result was taken.</summary>
internal enum MissReason
{
    /// <summary>No run of the command is known.</summary>
    NoEntry,

    /// <summary>Something that the known runs looked at is different.</summary>
    Changed,

    /// <summary>The content of a result is gone.</summary>
    Incomplete,

    /// <summary>The requester would have to be asked too much, or did not answer.</summary>
    NotAsked,

    /// <summary>The command is known to leave different things each time.</summary>
    NotRepeatable,
}

/// <summary>A miss.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Text">The same for people.</param>
internal sealed record Miss(MissReason Reason, string Text);

/// <summary>A result that is known, with its place in the index.</summary>
/// <param name="PathSetId">The path set by which it was found.</param>
/// <param name="Paths">Its paths.</param>
/// <param name="Strong">Its fingerprint.</param>
/// <param name="Result">The result.</param>
internal sealed record Known(Digest PathSetId, PathSet Paths, Digest Strong, KnownResult Result)
{
    /// <summary>What the tool left.</summary>
    /// <exception cref="ReprException">The index has nonsense.</exception>
    public IReadOnlyList<ActionOutput> Outputs { get; } = [.. Result.Outputs.Select(WireConversions.ToCore)];
}

/// <summary>
/// Looks for the result of one action: for each of the path sets of its command, what is at the paths now; together they name the result.
/// One action's; used once.
/// </summary>
/// <param name="index">Where results are known.</param>
/// <param name="store">Where their content is.</param>
/// <param name="weak">The fingerprint of the command.</param>
/// <param name="files">What the action sees.</param>
/// <param name="lease">Keeps the content of the result in the store.</param>
/// <param name="fetches">Whether the content is brought here first: the results are of others, who may be gone in a moment.</param>
internal sealed class ResultLookup(IKnownResults index, ILocalContentStore store, Digest weak, InputTree files, IContentLease lease, bool fetches = false)
{
    private const int MaximumQuestions = 512; // one for each path

    private static readonly TimeSpan s_refusedFor = TimeSpan.FromDays(7);

    private readonly PathFacts _facts = new(files);
    private int _questions;
    private Miss? _miss;

    /// <summary>The tool's text of the result that was found.</summary>
    public ToolText Text { get; private set; } = new();

    /// <summary>What the run looked at whose path set was used last; null: none is known.</summary>
    public PathSet? LastPaths { get; private set; }

    /// <summary>Why there is none; null when there is one.</summary>
    public Miss? Miss => _miss;

    /// <summary>Whether results of a command are not kept, since it left different things.</summary>
    public static bool IsRefused(CommandEntry? command, DateTimeOffset now) =>
        command?.NotRepeatableSince is { } since && now - since < s_refusedFor;

    /// <summary>Reads what a tool said; null: it is not in the store any more.</summary>
    /// <exception cref="ReprException">The store does not answer.</exception>
    public static async ValueTask<ToolText?> ReadTextAsync(IContentStore store, Digest digest, CancellationToken cancellationToken) =>
        digest.SizeBytes == 0 ? new ToolText() : await store.TryReadMessageAsync(digest, ToolText.Parser, cancellationToken);

    /// <summary>Finds the result.</summary>
    /// <param name="now">The time.</param>
    /// <param name="isComplete">Only one of which all content is here.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>Null: there is none.</returns>
    public async Task<Known?> FindAsync(DateTimeOffset now, bool isComplete, CancellationToken cancellationToken)
    {
        CommandEntry? command = await index.FindCommandAsync(weak, cancellationToken);
        if (IsRefused(command, now))
        {
            _miss = new Miss(
                MissReason.NotRepeatable, $"the command left something else each time it ran, which was seen at {command!.NotRepeatableSince!.Value.UtcDateTime:u}");
            return null;
        }

        foreach (KnownPathSet known in command?.PathSets ?? [])
        {
            if (await index.FindPathSetAsync(known.Id, cancellationToken) is { } paths)
            {
                LastPaths ??= paths;
                if (await MatchAsync(known, paths, isComplete, cancellationToken) is { } found)
                {
                    _miss = null;
                    return found;
                }
            }
        }

        _miss ??= new Miss(MissReason.NoEntry, "no run of this command is known");
        return null;
    }

    private async Task<Known?> MatchAsync(KnownPathSet known, PathSet paths, bool isComplete, CancellationToken cancellationToken)
    {
        ObservedInput[] unknown = [.. paths.All.Where(input => _facts.Peek(input) is null)];
        if (unknown.Length > 0 && !await AskAsync(known, paths, unknown, cancellationToken))
        {
            return null;
        }

        Digest[] facts = [.. paths.All.Select(input => _facts.Peek(input) ?? default)];
        if (facts.Contains(default))
        {
            MissedBy(MissReason.NotAsked, "the requester did not say all that was asked");
            return null;
        }

        Digest strong = PathFacts.Strong(weak, known.Id, facts);
        if (await index.FindResultAsync(strong, cancellationToken) is not { } result)
        {
            await ExplainAsync(known, paths, cancellationToken);
            return null;
        }

        Known found;
        try
        {
            found = new Known(known.Id, paths, strong, result);
        }
        catch (ReprException)
        {
            return null; // of another version, or damaged in a way that its sum does not show
        }

        return !isComplete || await TakeAsync(found, cancellationToken) ? found : null;
    }

    // Nobody is asked for what cannot match: what is known is compared with the last results first.
    private async Task<bool> AskAsync(KnownPathSet known, PathSet paths, ObservedInput[] unknown, CancellationToken cancellationToken)
    {
        bool isPossible = false;
        foreach (Digest result in known.Results)
        {
            isPossible |= await index.FindResultAsync(result, cancellationToken) is { } earlier && FindChange(earlier, paths) is null;
        }

        if (!isPossible)
        {
            await ExplainAsync(known, paths, cancellationToken);
            return false;
        }

        _questions += unknown.Length;
        int most = files.AsksMany ? IRequesterFiles.MaximumMany : MaximumQuestions;
        if (_questions > most)
        {
            MissedBy(MissReason.NotAsked, $"{_questions} paths would have to be asked for, and at most {most} are");
            return false;
        }

        try
        {
            await _facts.AskAsync(unknown, cancellationToken);
            return true;
        }
        catch (ReprException failure)
        {
            MissedBy(MissReason.NotAsked, failure.Message);
            return false;
        }
    }

    private async Task<bool> TakeAsync(Known found, CancellationToken cancellationToken)
    {
        Digest text;
        try
        {
            text = found.Result.Text.ToCore();
        }
        catch (ReprException)
        {
            return false;
        }

        Digest[] blobs = [.. found.Outputs.OfType<FileOutput>().Select(static output => output.Digest).Append(text).Distinct()];
        foreach (Digest blob in blobs)
        {
            lease.Add(blob);
        }

        try
        {
            Digest[] elsewhere = [.. blobs.Where(blob => !IsHere(blob))];
            IReadOnlyList<Digest> missing = await store.FindMissingAsync(elsewhere, cancellationToken);
            if (fetches && missing.Count == 0)
            {
                missing = await FetchAsync(elsewhere, cancellationToken);
            }

            if (missing.Count == 0 && await ReadTextAsync(store, text, cancellationToken) is { } said)
            {
                Text = said;
                return true;
            }

            MissedBy(MissReason.Incomplete, $"{Math.Max(1, missing.Count)} of the {blobs.Length} blobs of the known result are not in the store any more");
        }
        catch (ReprException failure)
        {
            MissedBy(MissReason.Incomplete, failure.Message);
        }

        return false;
    }

    // Returns those that could not be had.
    private async Task<IReadOnlyList<Digest>> FetchAsync(Digest[] blobs, CancellationToken cancellationToken)
    {
        bool[] had = await Task.WhenAll(blobs.Select(async blob =>
        {
            await using Stream? content = await store.OpenAsync(blob, cancellationToken); // brings it here
            return content is not null;
        }));
        return [.. blobs.Where((_, position) => !had[position])];
    }

    // Opened, since files can be lost behind the back of the store.
    private bool IsHere(Digest blob)
    {
        if (blob.SizeBytes == 0)
        {
            return true;
        }

        using SafeFileHandle? file = store.TryOpenFile(blob);
        return file is not null;
    }

    private async Task ExplainAsync(KnownPathSet known, PathSet paths, CancellationToken cancellationToken)
    {
        if (_miss is null
            && known.Results is [Digest last, ..]
            && await index.FindResultAsync(last, cancellationToken) is { } earlier
            && FindChange(earlier, paths) is { } changed)
        {
            MissedBy(MissReason.Changed, changed.Kind switch
            {
                ObservedKind.Listed => $"what is in '{changed.Path}' is something else",
                ObservedKind.Absent => $"'{changed.Path}' is there now",
                _ => $"'{changed.Path}' has changed",
            });
        }
    }

    // The first path at which something else is known now.
    private ObservedInput? FindChange(KnownResult earlier, PathSet paths)
    {
        int position = 0;
        foreach (ObservedInput input in paths.All)
        {
            if (position >= earlier.Facts.Count)
            {
                break;
            }

            ulong before = earlier.Facts[position++];
            if (_facts.Peek(input) is { } now && PathFacts.Shorten(now) != before)
            {
                return input;
            }
        }

        return null;
    }

    // The most recently used path set says it.
    private void MissedBy(MissReason reason, string text) => _miss ??= new Miss(reason, text);
}
