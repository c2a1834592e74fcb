using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Repr.Requester.Content;
using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// Results that workers know, and whose content this machine has kept: the same action in the same world gets its result without a question to a worker. In a world that leaves
/// nothing to ask, what a worker says follows from the action and its mapping alone (<see cref="ActionFingerprint"/>), so it would say the same again. Safe for concurrent use.
/// </summary>
/// <param name="content">What was fetched from workers before; null: nothing is kept.</param>
/// <param name="writer">Writes outputs.</param>
/// <param name="mapper">Looks at what was asked for.</param>
/// <param name="time">The clock.</param>
internal sealed class KeptResults(IContentStore? content, OutputWriter writer, InputMapper mapper, TimeProvider time)
{
    private const int MaximumResults = 4096;
    private const int MaximumFacts = 2048; // of a world that is not the learned one, and is mapped again as it is
    private const int MaximumTextBytes = 1 << 14; // of one

    // A worker may learn that a command is not repeatable, or be told to forget.
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);

    private readonly StoredOutputs? _outputs = content is null ? null : new StoredOutputs(content);
    private readonly ConcurrentDictionary<string, KeptResult> _results = new(StringComparer.Ordinal); // by prediction key
    private readonly ConcurrentDictionary<string, bool> _notRepeatable = new(StringComparer.Ordinal);

    /// <summary>Whether it is worth the mapping to ask for an action.</summary>
    /// <param name="request">The action.</param>
    /// <param name="noted">What it is to be mapped by then, though more was learned since.</param>
    public bool MayKnow(ActionRequest request, [NotNullWhen(true)] out Prediction? noted)
    {
        noted = null;
        if (!IsEligible(request) || !_results.TryGetValue(request.PredictionKey, out KeptResult? kept))
        {
            return false;
        }

        if (time.GetElapsedTime(kept.Noted) >= s_lifetime)
        {
            Forget(request, kept);
            return false;
        }

        noted = kept.Prediction;
        return true;
    }

    /// <summary>How the client of an action that is announced asked for it the last time, and what it is to be mapped by then. Null: it has to be asked for first.</summary>
    public (RememberedRun Run, Prediction Prediction)? FindAnnounced(string predictionKey) =>
        _results.TryGetValue(predictionKey, out KeptResult? kept) && kept.Run is { } run ? (run, kept.Prediction) : null;

    /// <summary>Gives the result, if it is the same action in the same world: all outputs are written.</summary>
    /// <param name="request">An action that <see cref="MayKnow"/> is true for.</param>
    /// <param name="prepared">Its world, mapped as that said.</param>
    /// <param name="progress">Gets result and text.</param>
    /// <param name="cancellationToken">Ends it before something is replaced.</param>
    /// <returns>Null: it has to be asked for, and nothing was written.</returns>
    /// <exception cref="ActionFailureException">The outputs can't be written here.</exception>
    public async Task<ActionResult?> TryGiveAsync(
        ActionRequest request, PreparedAction prepared, ActionProgress progress, CancellationToken cancellationToken)
    {
        if (!_results.TryGetValue(request.PredictionKey, out KeptResult? kept)
            || kept.Fingerprint != (prepared.Fingerprint ?? ActionFingerprint.Of(request, prepared.Mapping)))
        {
            return null;
        }

        long start = time.GetTimestamp();
        using Span span = progress.Span.Child("kept-result");
        try
        {
            await writer.WriteAsync(
                kept.Result.Outputs, prepared.Mapping, prepared.Stamp, _outputs!, progress.Transfer, static () => true, cancellationToken);
        }
        catch (ReprException)
        {
            Forget(request, kept); // its content had to make room, or is damaged
            return null;
        }

        if (request.Announced is { } run)
        {
            _results.TryUpdate(request.PredictionKey, kept with { Run = RememberedRun.Of(run) }, kept); // it was asked for in another way, or for the first time
        }

        foreach (Wire.DoorText chunk in kept.Text)
        {
            progress.AddText(chunk);
        }

        progress.Mapped = (uint)prepared.Mapping.Count;
        progress.Worker = kept.Worker;
        progress.Download = time.GetElapsedTime(start);
        progress.IsKept = true;
        return progress.Result = kept.Result;
    }

    /// <summary>Notes what a worker found not repeatable, whatever becomes of that run.</summary>
    public void NoteDifferences(ActionRequest request, ActionResult result)
    {
        if (result.NotRepeatable.Count > 0 && _notRepeatable.Count < MaximumResults)
        {
            _notRepeatable[request.PredictionKey] = true; // for good: others of its runs may end later
        }
    }

    /// <summary>
    /// Notes what became of an action on a worker. Where that had to ask, it is kept with a world in which it would not have had to: what was asked for is mapped too, and if that world
    /// says all that was said, the action gives the same in it.
    /// </summary>
    /// <param name="request">The action.</param>
    /// <param name="prepared">Its world. If that was guessed, the guess is what it is mapped by the next time.</param>
    /// <param name="isLearned">It was mapped by what was learned of it, not by a guess.</param>
    /// <param name="result">What the worker gave; written.</param>
    /// <param name="progress">What it said.</param>
    /// <param name="cancellationToken">Ends it; then it is forgotten.</param>
    public async Task NoteAsync(
        ActionRequest request, PreparedAction prepared, bool isLearned, ActionResult result, ActionProgress progress, CancellationToken cancellationToken)
    {
        if (!IsEligible(request))
        {
            return;
        }

        _results.TryRemove(request.PredictionKey, out KeptResult? before);
        CachedRun? run = result.Cached ?? (result.IsKnown ? new CachedRun(progress.Worker, time.GetUtcNow(), result.Timings.ToolMs) : null);
        if (run is null
            || progress.Answers is not { } answers
            || progress.HasPassedText
            || progress.Text.Sum(static chunk => (long)chunk.Data.Length) > MaximumTextBytes
            || !await HasContentAsync(result, cancellationToken))
        {
            return;
        }

        bool hasAsked = result.Questions > 0 || answers.Questions.Count > 0;
        if ((hasAsked || !isLearned) && Math.Max(prepared.Mapping.Count, prepared.Prediction.Own.Count) > MaximumFacts)
        {
            return;
        }

        PreparedAction? world = hasAsked ? await MapAskedAsync(request, prepared, answers, cancellationToken) : prepared;
        if (world is null)
        {
            return;
        }

        if (_results.Count >= MaximumResults)
        {
            MakeRoom();
        }

        _results[request.PredictionKey] = new KeptResult(
            ActionFingerprint.Of(request, world.Mapping),
            world.Prediction,
            result with { Cached = run, CacheMiss = null, Timings = default, ObservedInputs = [], ObservedSet = null },
            progress.Worker,
            [.. progress.Text],
            time.GetTimestamp(),
            request.Announced is { } announced ? RememberedRun.Of(announced) : before?.Run);
    }

    // What is to be proved is asked for; of placeholders a worker must have the content.
    private bool IsEligible(ActionRequest request) =>
        _outputs is not null
        && request is { Caching: ResultCaching.Read or ResultCaching.ReadWrite, PredictionKey.Length: > 0, Placeholders.Count: 0, EmptyMapping: false }
        && !_notRepeatable.ContainsKey(request.PredictionKey);

    private async ValueTask<bool> HasContentAsync(ActionResult result, CancellationToken cancellationToken)
    {
        try
        {
            Digest[] contents = [.. result.Outputs.OfType<FileOutput>().Select(static output => output.Digest).Where(static digest => digest.SizeBytes > 0).Distinct()];
            return (await content!.FindMissingAsync(contents, cancellationToken)).Count == 0;
        }
        catch (ReprException)
        {
            return false;
        }
    }

    // The action's world with the answers to its questions; null: it has become another one, or does not say all that was asked.
    private async Task<PreparedAction?> MapAskedAsync(ActionRequest request, PreparedAction prepared, FileAnswers answers, CancellationToken cancellationToken)
    {
        IReadOnlyList<ObservedInput> asked = answers.FindAsked();
        if (asked.Count > MaximumFacts)
        {
            return null;
        }

        // Of a path that is named twice the first counts: where it was read or listed, that, and what was asked before what was predicted.
        Prediction prediction = prepared.Prediction with
        {
            Own = [.. asked.Concat(prepared.Prediction.Own).OrderBy(static input => input.Kind == ObservedKind.Stated).DistinctBy(static input => input.Path)],
        };
        try
        {
            InputMapping mapping = await mapper.MapAsync(request, prediction, cancellationToken);
            return answers.AreSaidBy(mapping) ? new PreparedAction(mapping, prediction, prepared.Stamp) : null;
        }
        catch (Exception exception) when (exception is ReprException or ActionFailureException or IOException or UnauthorizedAccessException)
        {
            return null; // it has become another world indeed
        }
    }

    private void MakeRoom()
    {
        foreach ((string key, _) in _results.OrderBy(static kept => kept.Value.Noted).Take(MaximumResults / 4).ToList())
        {
            _results.TryRemove(key, out _);
        }
    }

    private void Forget(ActionRequest request, KeptResult kept) =>
        _results.TryRemove(new KeyValuePair<string, KeptResult>(request.PredictionKey, kept));

    /// <param name="Fingerprint">Of the action in its world.</param>
    /// <param name="Prediction">What it is to be mapped by.</param>
    /// <param name="Result">What the worker gave.</param>
    /// <param name="Worker">Who gave it.</param>
    /// <param name="Text">What the tool said.</param>
    /// <param name="Noted">When, a timestamp.</param>
    /// <param name="Run">How its client asked for it, if it announces that; else null.</param>
    private sealed record KeptResult(
        Digest Fingerprint, Prediction Prediction, ActionResult Result, string Worker, IReadOnlyList<Wire.DoorText> Text, long Noted, RememberedRun? Run);
}
