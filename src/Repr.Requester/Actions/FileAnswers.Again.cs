using Repr.Protocol;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

// What was said, as a part of the next mapping: then nothing is asked.
internal sealed partial class FileAnswers
{
    /// <summary>The paths that were asked for, and how. Once the action has ended.</summary>
    public IReadOnlyList<ObservedInput> FindAsked() =>
    [
        .. _answers.Keys.Where(static question => question.Item2 == Wire.FileQuestion.Types.Kind.Listing)
            .Select(static question => question.Item1)
            .Concat(_listed.Keys)
            .Select(static path => new ObservedInput(path, ObservedKind.Listed))
            .Concat(_promised.Keys.Select(static path => new ObservedInput(path, ObservedKind.Read)))
            .Concat(_answers.Keys.Select(static question => question.Item1).Concat(_said.Keys).Select(static path => new ObservedInput(path, ObservedKind.Stated)))
            .DistinctBy(static input => input.Path),
    ];

    /// <summary>Whether a mapping of the same action says all that its own mapping and the answers to its questions said, but for times. Once the action has ended.</summary>
    public async Task<bool> AreSaidByAsync(InputMapping other)
    {
        if (Refusal is not null
            || !other.SaysAllOf(mapping)
            || !_said.Values.All(other.Says)
            || !_listed.Keys.All(directory => other.HasSameNames(directory, mapping.FindEntries(directory).Concat(_said.Values.Where(fact => !fact.Path.IsRoot && fact.Path.Parent == directory))))
            || !_promised.All(promised => other.Find(promised.Key) is FileFact file && file.Digest == promised.Value.Digest))
        {
            return false;
        }

        foreach (((VirtualPath path, _), Lazy<Task<Wire.FileAnswer>> looking) in _answers)
        {
            if (!IsSaid(path, await looking.Value, other))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsSaid(VirtualPath path, Wire.FileAnswer answer, InputMapping other)
    {
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
