using System.Collections.Concurrent;
using System.Diagnostics;
using Repr.Protocol;
using Repr.Requester.Content;
using Repr.Requester.Files;
using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

// Questions about many paths: what a worker believes that the tool will look at. Each is judged as a single question would be; what may not be
// said, or cannot be, is left out, and asked again only if the tool wants it.
internal sealed partial class FileAnswers
{
    private const int MaximumPaths = 4096;
    private const long EagerFileBytes = 1 << 20;
    private const long EagerBytesOfAll = 32 << 20;

    private readonly ConcurrentDictionary<VirtualPath, InputFact> _said = new();
    private readonly ConcurrentQueue<(VirtualPath Directory, IReadOnlyList<InputFact> Entries)> _listed = new(); // of which all entries were said

    /// <summary>Answers a question about many paths. Never throws except when cancelled.</summary>
    public async Task<Wire.PathsAnswer> AnswerAsync(Wire.PathsQuestion question, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        using Span answering = StartSpan(question.TraceParent);
        Wire.PathsAnswer answer = new() { ActionId = question.ActionId, QuestionId = question.QuestionId };
        try
        {
            answer.Facts.AddRange((await LookAtManyAsync(Parse(question), cancellationToken)).Select(WireConversions.ToWire));
        }
        catch (Exception exception) when (exception is ReprException or IOException or UnauthorizedAccessException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            answer.Facts.Clear(); // each is asked singly, and answered with the reason
        }

        Questions.Note(question.QuestionId, question.Paths.Select(static input => input.Path), start);
        answering.Set(TelemetryNames.Files, question.Paths.Count).Set("repr.answer", answer.Facts.Count);
        return answer;
    }

    private static List<ObservedInput> Parse(Wire.PathsQuestion question)
    {
        List<ObservedInput> inputs = [];
        foreach (Wire.ObservedInput input in question.Paths.Take(MaximumPaths))
        {
            try
            {
                inputs.Add(input.ToCore());
            }
            catch (ReprException)
            {
                // No path: nothing is said about it.
            }
        }

        return inputs;
    }

    private async Task<IReadOnlyList<InputFact>> LookAtManyAsync(List<ObservedInput> inputs, CancellationToken cancellationToken)
    {
        FactCollector collector = new(digests, cancellationToken);
        foreach (ObservedInput input in inputs.Where(input => !mapping.IsOutput(input.Path) && !mapping.IsBelowAbsent(input.Path)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            collector.Predict(mapping.Policy, input);
        }

        await collector.FinishAsync();
        foreach (ObservedInput input in inputs.Where(input => !input.Path.IsRoot && IsComplete(collector, input.Path.Parent)))
        {
            collector.Facts.TryAdd(input.Path, new AbsentFact(input.Path)); // the collector leaves it to the directory to say so
        }

        // What was said before, or with the action, is not said in another way. What is below an output that starts absent is none of the disk's.
        InputFact[] facts =
        [
            .. collector.Facts.Values
                .Where(fact => MaySay(fact, collector))
                .Where(fact => (mapping.Find(fact.Path) is null or FileFact { Digest: null }) && !mapping.IsOutput(fact.Path) && !mapping.IsBelowAbsent(fact.Path))
                .OrderBy(static fact => fact.Path),
        ];
        HashSet<Digest> sent = await SendContentAsync([.. facts.OfType<FileFact>().Where(static file => file.Digest is not null)], collector, cancellationToken);
        List<InputFact> said = [];
        foreach (InputFact fact in facts)
        {
            if (Say(fact, sent, collector) is { } once)
            {
                said.Add(once);
            }
        }

        foreach (InputFact directory in said.Where(static fact => fact is DirectoryFact { IsComplete: true }))
        {
            _listed.Enqueue((directory.Path, [.. said.Where(fact => !fact.Path.IsRoot && fact.Path.Parent == directory.Path), .. mapping.FindEntries(directory.Path)]));
        }

        return said;
    }

    // As for a single question. A directory that may be listed says the names of all that is in it.
    private bool MaySay(InputFact fact, FactCollector collector) => mapping.Policy.Judge(fact.Path) switch
    {
        ReadVerdict.Served => true,
        ReadVerdict.EntryOnly => fact is not FileFact { Digest: not null },
        ReadVerdict.WayOnly => fact is AbsentFact or DirectoryFact { IsComplete: false },
        _ => !fact.Path.IsRoot && IsComplete(collector, fact.Path.Parent) && fact is not FileFact { Digest: not null },
    };

    private static bool IsComplete(FactCollector collector, VirtualPath directory) =>
        collector.Facts.GetValueOrDefault(directory) is DirectoryFact { IsComplete: true };

    // What the worker has is named, however large. Of the rest the small files are sent, in the order of the paths; others when they are read.
    private async Task<HashSet<Digest>> SendContentAsync(FileFact[] files, FactCollector collector, CancellationToken cancellationToken)
    {
        HashSet<Digest> sent = [.. await uploader.FindPresentAsync([.. files.Select(file => collector.Sources[file.Digest!.Value])], cancellationToken)];
        List<ContentSource> chosen = [];
        long bytes = 0;
        foreach (FileFact file in files)
        {
            if (file.SizeBytes <= EagerFileBytes && bytes + file.SizeBytes <= EagerBytesOfAll && sent.Add(file.Digest!.Value))
            {
                chosen.Add(collector.Sources[file.Digest.Value]);
                bytes += file.SizeBytes;
            }
        }

        await uploader.EnsureAsync(chosen, statistics, cancellationToken);
        return sent;
    }

    private InputFact? Say(InputFact fact, HashSet<Digest> sent, FactCollector collector)
    {
        if (fact is FileFact { Digest: { } digest } file)
        {
            if (!sent.Contains(digest))
            {
                fact = file with { Digest = null };
            }
            else
            {
                ContentSource source = collector.Sources[digest];
                if (_promised.TryAdd(file.Path, source))
                {
                    NoteServed(file.Path, digest);
                }
            }
        }

        if (mapping.Find(fact.Path) is FileFact mapped)
        {
            return fact is FileFact found && found.SizeBytes == mapped.SizeBytes && found.ModifiedNs == mapped.ModifiedNs ? found : null;
        }

        InputFact first = _said.GetOrAdd(fact.Path, fact is DirectoryFact { IsComplete: true } complete ? complete with { IsComplete = false } : fact);
        return first == fact || (fact is DirectoryFact { IsComplete: true } && first is DirectoryFact) ? fact : first;
    }
}
