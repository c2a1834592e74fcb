using Google.Protobuf;
using Repr.Protocol;
using Repr.Requester.Content;
using Repr.Requester.Files;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>Makes facts about <see cref="SharedInputs"/>, and anew when something there has changed. Safe for concurrent use.</summary>
/// <param name="digests">What is known of files.</param>
/// <param name="watch">Sees changes; null: nothing is shared.</param>
/// <param name="secrets">Files that no worker gets; null: none.</param>
internal sealed class SharedMapper(DigestCache digests, TreeWatch? watch, IReadOnlyCollection<VirtualPath>? secrets = null)
{
    private const int Attempts = 4;

    /// <summary>Whether nothing has changed since the facts were made.</summary>
    public bool IsCurrent(SharedFacts facts) => watch?.Version == facts.Version;

    /// <summary>What a worker may ask for.</summary>
    /// <param name="roots">Physical paths of what the build allows.</param>
    public ReadPolicy NewPolicy(IEnumerable<VirtualPath> roots)
    {
        PathWalker unnoticed = new(static _ => { }, placeholders: null); // where secrets are is nobody's fact
        return new ReadPolicy(roots, (secrets ?? []).Select(secret => unnoticed.Resolve(secret).Path));
    }

    /// <summary>Facts that are true now; null: changes can't be seen, or do not stop.</summary>
    public async ValueTask<SharedFacts?> GetAsync(SharedInputs inputs, CancellationToken cancellationToken)
    {
        if (watch is null || inputs.IsUnwatchable)
        {
            return null;
        }

        if (inputs.Facts is { } known && IsCurrent(known))
        {
            return known;
        }

        await inputs.Gate.WaitAsync(cancellationToken);
        try
        {
            if (inputs.Facts is { } made && IsCurrent(made))
            {
                return made;
            }

            // What is not watched yet may change unseen while it is looked at: then it is looked at again.
            for (int attempt = 0; attempt < Attempts && !inputs.IsUnwatchable; attempt++)
            {
                long additions = watch.Additions;
                long version = watch.Version;
                SharedFacts facts = await MakeAsync(inputs, version, cancellationToken);
                inputs.IsUnwatchable = !TryWatch(watch, facts.Facts.Values, additions, out bool isNew);
                if (!inputs.IsUnwatchable && !isNew && IsCurrent(facts))
                {
                    return inputs.Facts = facts;
                }
            }

            return null;
        }
        finally
        {
            inputs.Gate.Release();
        }
    }

    private static bool TryWatch(TreeWatch watch, IEnumerable<InputFact> facts, long since, out bool isNew)
    {
        // The directories on the way count too: there, the next name on it.
        Dictionary<VirtualPath, DirectoryInterest> directories = [];
        foreach (InputFact fact in facts)
        {
            for (VirtualPath place = fact.Path; !place.IsRoot && Of(place.Parent).Names.Add(place.Name); place = place.Parent)
            {
                // The next one.
            }

            if (fact is DirectoryFact directory)
            {
                DirectoryInterest own = Of(directory.Path);
                own.AllNames |= directory.IsComplete;
                own.Time = true;
            }
            else if (fact is FileFact)
            {
                Of(fact.Path.Parent).Files = true;
            }
        }

        isNew = false;
        foreach ((VirtualPath directory, DirectoryInterest interest) in directories)
        {
            if (!watch.TryAdd(directory, interest, since, out bool added))
            {
                return false;
            }

            isNew |= added;
        }

        return true;

        DirectoryInterest Of(VirtualPath path)
        {
            if (!directories.TryGetValue(path, out DirectoryInterest? interest))
            {
                directories.Add(path, interest = new DirectoryInterest());
            }

            return interest;
        }
    }

    private async Task<SharedFacts> MakeAsync(SharedInputs inputs, long version, CancellationToken cancellationToken)
    {
        FactCollector facts = new(digests, cancellationToken);
        ReadPolicy policy = NewPolicy([.. inputs.Roots.Select(root => facts.Walker.Resolve(root).Path)]);
        facts.Facts.Clear(); // the way to the roots is each action's own
        List<ObservedInput> rest = [];
        foreach ((VirtualPath path, ObservedKind kind) in inputs.Inputs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ObservedInput input = new(path, kind);
            if (HasManyLinks(facts.Walker, path))
            {
                rest.Add(input);
            }
            else
            {
                facts.Predict(policy, input);
            }
        }

        await facts.FinishAsync();
        foreach (ObservedInput several in rest)
        {
            facts.Facts.Remove(several.Path); // where its directory is listed
        }

        HashSet<VirtualPath> busy = [.. facts.Facts.Values.OfType<DirectoryFact>()
            .Where(fact => fact.IsBusy || (!fact.IsComplete && watch!.IsBusy(fact.Path)))
            .Select(static fact => fact.Path)];
        foreach (VirtualPath directory in busy)
        {
            facts.Facts.Remove(directory);
            rest.Add(new ObservedInput(directory, ObservedKind.Stated));
        }

        Wire.InputSet set = new();
        set.Facts.AddRange(facts.Facts.Values.OrderBy(fact => fact.Path).Select(WireConversions.ToWire));
        return new SharedFacts(version, facts.Facts, facts.Sources, ContentSource.OfBytes(set.ToByteArray()), rest, busy);
    }

    private static bool HasManyLinks(PathWalker walker, VirtualPath path)
    {
        try
        {
            return walker.Look(path) is { IsFile: true, Links: > 1 };
        }
        catch (ReprException)
        {
            return false; // It is left out, as it cannot be looked at.
        }
    }
}
