using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Repr.Protocol;
using Repr.Requester.Content;
using Repr.Requester.Files;
using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// Answers one action's questions: from its mapping, so that no fact changes while it runs, else from the disk as far as the
/// read policy allows. Looks by handle and follows no link. The same question has the same answer. Safe for concurrent use.
/// </summary>
internal sealed partial class FileAnswers(InputMapping mapping, DigestCache digests, ContentUploader uploader, TransferStatistics statistics, Span span = default)
{
    private const long EagerBytes = 4 << 20;

    private readonly ConcurrentDictionary<(VirtualPath, Wire.FileQuestion.Types.Kind), Lazy<Task<Wire.FileAnswer>>> _answers = new();
    private readonly ConcurrentDictionary<VirtualPath, ContentSource> _promised = new();
    private ConcurrentQueue<ServedFile>? _served; // of few actions: an empty queue has room for 32
    private string? _refusal;

    /// <summary>What was asked.</summary>
    public QuestionLog Questions { get; } = new();

    /// <summary>The files whose content was served.</summary>
    public IEnumerable<ServedFile> Served => Volatile.Read(ref _served) ?? (IEnumerable<ServedFile>)[];

    /// <summary>The first refusal, a sentence for a person; null: there was none.</summary>
    public string? Refusal => Volatile.Read(ref _refusal);

    /// <summary>Answers a question. Never throws except when cancelled: what goes wrong is the answer.</summary>
    public async Task<Wire.FileAnswer> AnswerAsync(Wire.FileQuestion question, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        using Span answering = StartSpan(question.TraceParent);
        Wire.FileAnswer answer = await AnswerOnceAsync(question, cancellationToken);
        Questions.Note(question.QuestionId, question.Path, start);
        answering.Set(TelemetryNames.FilePath, question.Path).Set("repr.answer", answer.AnswerCase);
        return answer;
    }

    // Below the worker's question; what claims to be of another trace is not believed.
    private Span StartSpan(string parent) =>
        span.TraceId is { } trace && parent.Contains(trace, StringComparison.Ordinal)
            ? Span.Start("answer", ActivityKind.Server, parent)
            : span.Child("answer", ActivityKind.Server);

    private async Task<Wire.FileAnswer> AnswerOnceAsync(Wire.FileQuestion question, CancellationToken cancellationToken)
    {
        Wire.FileAnswer answer;
        if (!VirtualPath.TryParse(question.Path, out VirtualPath path, out string? problem))
        {
            answer = Refuse($"The worker asked for a path that {problem}.");
        }
        else if (question.Kind == Wire.FileQuestion.Types.Kind.Content)
        {
            // Asked again when the store has lost the blob: never answered from memory.
            answer = await GuardAsync(path, () => ContentAsync(path, cancellationToken), cancellationToken);
        }
        else
        {
            Lazy<Task<Wire.FileAnswer>> looking = _answers.GetOrAdd(
                (path, question.Kind), _ =>
                    new(() => GuardAsync(path, () => LookAsync(path, question.Kind, cancellationToken), cancellationToken)));
            answer = (await looking.Value.WaitAsync(cancellationToken)).Clone();
        }

        answer.ActionId = question.ActionId;
        answer.QuestionId = question.QuestionId;
        return answer;
    }

    private async Task<Wire.FileAnswer> GuardAsync(
        VirtualPath path, Func<Task<Wire.FileAnswer>> answer, CancellationToken cancellationToken)
    {
        try
        {
            return await answer();
        }
        catch (ReprException exception) when (exception.Code == ReprErrorCode.Refused)
        {
            return Refuse(exception.Message);
        }
        catch (Exception exception) when (exception is ReprException or IOException or UnauthorizedAccessException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new Wire.FileAnswer { Failed = $"'{path}' could not be served: {exception.Message}" };
        }
    }

    private async Task<Wire.FileAnswer> LookAsync(VirtualPath path, Wire.FileQuestion.Types.Kind kind, CancellationToken cancellationToken) => kind switch
    {
        Wire.FileQuestion.Types.Kind.Entry => new Wire.FileAnswer { Entry = (await EntryAsync(path, cancellationToken)).ToWire() },
        Wire.FileQuestion.Types.Kind.Listing => new Wire.FileAnswer { Listing = List(path) },
        _ => throw Refusing(path, "the worker asked in an unknown way"),
    };

    private async Task<InputFact> EntryAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        if (mapping.Find(path) is { } fact)
        {
            if (fact is FileFact { Digest: { } known })
            {
                await uploader.EnsureAsync([mapping.SourceOf(known)], statistics, cancellationToken);
            }

            return fact;
        }

        if (mapping.IsBelowAbsent(path))
        {
            return new AbsentFact(path);
        }

        if (_said.TryGetValue(path, out InputFact? said))
        {
            return said;
        }

        path = Disk.Spell(path);
        ReadVerdict verdict = mapping.Policy.Judge(path);
        if (verdict == ReadVerdict.Denied)
        {
            throw Refusing(path, "it is on the list of things that never leave this machine");
        }

        using SafeFileHandle? handle = Disk.TryOpenPath(path);
        if (handle is null)
        {
            return new AbsentFact(path);
        }

        FileStat stat = Disk.Stat(handle);
        if (stat.IsDirectory)
        {
            return PathWalker.ToFact(path, stat);
        }

        string? target = stat.IsSymlink ? Disk.ReadLink(handle, "") : null;
        if (target is not null && digests.Placeholders is { } placeholders)
        {
            if (placeholders.See(stat, target) is not { } seen)
            {
                return new AbsentFact(path);
            }

            stat = seen;
        }

        if (verdict == ReadVerdict.WayOnly)
        {
            throw Refusing(path, "it is outside the directories that this build allows a worker to read");
        }

        if (stat.IsSymlink)
        {
            return new SymlinkFact(path, target ?? "");
        }

        if (!stat.IsFile)
        {
            throw Refusing(path, "it is not a regular file");
        }

        // Of a placeholder nothing may have to be moved: who only looks at it does not need its content.
        if (verdict == ReadVerdict.EntryOnly || stat.SizeBytes > EagerBytes || stat.Content is not null)
        {
            return new FileFact(path, null, stat.SizeBytes, stat.Mode, stat.ModifiedNs);
        }

        HashedFile file = await HashAndSendAsync(path, stat, cancellationToken);
        return new FileFact(path, file.Digest, file.Stat.SizeBytes, file.Stat.Mode, file.Stat.ModifiedNs);
    }

    private Wire.Listing List(VirtualPath asked)
    {
        VirtualPath directory = Disk.Spell(asked);
        if (directory.IsRoot && mapping.FindDrives() is { Count: > 0 } drives)
        {
            return ListDrives(drives);
        }

        if (mapping.Policy.Judge(directory) != ReadVerdict.Served && mapping.Find(directory) is not DirectoryFact { IsComplete: true })
        {
            throw Refusing(directory, "its listing is outside what this build allows a worker to read");
        }

        Dictionary<VirtualPath, InputFact> entries = [];
        if (mapping.Find(directory) is not DirectoryFact { IsComplete: true })
        {
            ReadDirectory(directory, entries);
        }

        foreach (InputFact fact in mapping.FindEntries(directory))
        {
            entries[fact.Path] = fact;
        }

        Wire.Listing listing = new();

        // Contents are not in the store before they are asked for.
        listing.Entries.AddRange(entries.Values
            .Where(fact => fact is not AbsentFact)
            .Select(fact => (fact is FileFact file ? file with { Digest = null } : fact).ToWire()));
        return listing;
    }

    // Not what drives this machine has: those that the action has to do with.
    private Wire.Listing ListDrives(IEnumerable<VirtualPath> drives)
    {
        const int Mode = 0x1ED; // 0o755
        Wire.Listing listing = new();
        listing.Entries.AddRange(drives.Select(drive =>
            (mapping.Find(drive) as DirectoryFact ?? new DirectoryFact(drive, IsComplete: false, Mode, ModifiedNs: 0)).ToWire()));
        return listing;
    }

    private void ReadDirectory(VirtualPath path, Dictionary<VirtualPath, InputFact> entries)
    {
        using SafeFileHandle directory = Disk.TryOpenDirectory(path)
            ?? throw new ReprException(ReprErrorCode.InvalidInput, $"The directory '{path}' has vanished.");

        // Through the handle, so that what is listed is what was judged.
        foreach (string entry in Disk.List(directory))
        {
            VirtualPath place = path.Append(entry);
            FileStat? found = Disk.TryStat(directory, place.Name);
            if (found is { IsSymlink: true } link && digests.Placeholders is { } placeholders)
            {
                found = placeholders.See(link, Disk.ReadLink(directory, place.Name));
            }

            if (found is not { } stat)
            {
                continue;
            }

            if (stat.IsDirectory)
            {
                entries[place] = PathWalker.ToFact(place, stat);
            }
            else if (stat.IsSymlink)
            {
                entries[place] = new SymlinkFact(place, Disk.ReadLink(directory, place.Name));
            }
            else if (stat.IsFile)
            {
                entries[place] = new FileFact(place, null, stat.SizeBytes, stat.Mode, stat.ModifiedNs);
            }
        }
    }

    private async Task<Wire.FileAnswer> ContentAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        path = Disk.Spell(path);
        InputFact? fact = mapping.Find(path);
        ContentSource? source = fact is FileFact { Digest: { } known } ? mapping.SourceOf(known) : _promised.GetValueOrDefault(path);
        if (source is not null)
        {
            uploader.Forget(source.Digest);
            await uploader.EnsureAsync([source], statistics, cancellationToken);
            InputFact answer = fact is FileFact { Digest: not null } mapped ? mapped : new FileFact(path, source.Digest, source.Stat.SizeBytes, source.Stat.Mode, source.Stat.ModifiedNs);
            return new Wire.FileAnswer { Entry = answer.ToWire() };
        }

        fact ??= _said.GetValueOrDefault(path); // it was looked at then
        if (fact is not null and not FileFact || mapping.Policy.Judge(path) != ReadVerdict.Served)
        {
            throw Refusing(path, "its content is not among what this build allows a worker to read");
        }

        HashedFile file = await HashAndSendAsync(path, Open(path), cancellationToken);
        if (fact is FileFact before && (before.SizeBytes != file.Stat.SizeBytes || before.ModifiedNs != file.Stat.ModifiedNs))
        {
            throw new ReprException(ReprErrorCode.InvalidInput, "it changed while the action ran");
        }

        return new Wire.FileAnswer
        {
            Entry = new FileFact(path, file.Digest, file.Stat.SizeBytes, file.Stat.Mode, file.Stat.ModifiedNs).ToWire(),
        };
    }

    private FileStat Open(VirtualPath path)
    {
        if (digests.Placeholders is { } placeholders
            && Disk.TryStat(path) is { IsSymlink: true } link && placeholders.See(link, Disk.ReadLink(path)) is { Content: not null } placeholder)
        {
            return placeholder;
        }

        using SafeFileHandle handle = Disk.TryOpenFile(path)
            ?? throw new ReprException(ReprErrorCode.InvalidInput, "it has vanished");
        FileStat stat = Disk.Stat(handle);
        return stat.IsFile ? stat : throw Refusing(path, "it is not a regular file");
    }

    private async Task<HashedFile> HashAndSendAsync(VirtualPath path, FileStat stat, CancellationToken cancellationToken)
    {
        HashedFile file = await digests.GetAsync(path.Text, stat, cancellationToken);
        ContentSource source = ContentSource.OfFile(path.Text, file);
        await uploader.EnsureAsync([source], statistics, cancellationToken);
        _promised[path] = source;
        NoteServed(path, file.Digest);
        return file;
    }

    private void NoteServed(VirtualPath path, Digest digest) =>
        LazyInitializer.EnsureInitialized(ref _served).Enqueue(new ServedFile(path.Text, digest.ToString()));

    private static ReprException Refusing(VirtualPath path, string why) => new(
        ReprErrorCode.Refused, $"The worker asked for '{path}', which is not sent because {why}; the action runs locally.");

    private Wire.FileAnswer Refuse(string message)
    {
        Interlocked.CompareExchange(ref _refusal, message, null);
        return new Wire.FileAnswer { Refused = message };
    }
}
