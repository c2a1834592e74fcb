using Repr.Protocol;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

// What was said, as a part of the next mapping: then nothing is asked.
internal sealed partial class FileAnswers
{
    private IEnumerable<VirtualPath> Listed =>
        _answers.Keys.Where(static question => question.Item2 == Wire.FileQuestion.Types.Kind.Listing).Select(static question => question.Item1).Concat(_listed.Select(static listing => listing.Directory));

    /// <summary>The paths that were asked for, and how. Once the action has ended.</summary>
    public IReadOnlyList<ObservedInput> FindAsked() =>
    [
        .. Listed.Select(static path => new ObservedInput(path, ObservedKind.Listed))
            .Concat(_promised.Keys.Select(static path => new ObservedInput(path, ObservedKind.Read)))
            .Concat(_answers.Keys.Select(static question => question.Item1).Concat(_said.Keys).Select(static path => new ObservedInput(path, ObservedKind.Stated)))
            .DistinctBy(static input => input.Path),
    ];

    /// <summary>
    /// Whether a mapping of the same action says all that its own mapping and the answers to its questions said, but for times, and no more than that. Once the action has ended; false
    /// if a question is still being answered.
    /// </summary>
    public bool AreSaidBy(InputMapping other)
    {
        if (Refusal is not null
            || !_promised.All(promised => other.Find(promised.Key) is FileFact file && file.Digest == promised.Value.Digest)
            || !_said.All(said => other.Says(said.Value))
            || !_listed.All(listing => other.HasSameNames(listing.Directory, listing.Entries))
            || !_answers.All(answer => IsSaid(answer.Key.Item1, answer.Value, other)))
        {
            return false;
        }

        HashSet<VirtualPath> listed = [.. Listed];
        IReadOnlyList<ObservedInput> asked = FindAsked();
        return other.SaysAllOf(mapping, fact => asked.Any(input => input.Path.IsWithin(fact.Path)) || listed.Contains(fact.Path.Parent)); // on the way to it, too
    }

    private static bool IsSaid(VirtualPath path, Lazy<Task<Wire.FileAnswer>> looking, InputMapping other)
    {
        if (!looking.IsValueCreated || !looking.Value.IsCompletedSuccessfully)
        {
            return false;
        }

        Wire.FileAnswer answer = looking.Value.Result;
        switch (answer.AnswerCase)
        {
            case Wire.FileAnswer.AnswerOneofCase.Entry:
                return other.Says(answer.Entry.ToCore());
            case Wire.FileAnswer.AnswerOneofCase.Listing:
                InputFact[] entries = [.. answer.Listing.Entries.Select(WireConversions.ToCore)];
                return other.HasSameNames(path, entries) && entries.All(other.Says);
            default:
                return false; // it could not be said
        }
    }
}
