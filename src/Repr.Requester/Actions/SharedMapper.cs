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
                SharedFacts? watched = TryWatch(watch, facts, additions, out bool isNew);
                inputs.IsUnwatchable = watched is null;
                if (watched is not null && !isNew && IsCurrent(watched))
                {
                    return inputs.Facts = watched;
                }
            }

            return null;
        }
        finally
        {
            inputs.Gate.Release();
        }
    }

    // Null: changes can't be seen. A root to which they can't is each action's own.
    private static SharedFacts? TryWatch(TreeWatch watch, SharedFacts facts, long since, out bool isNew)
    {
        Dictionary<VirtualPath, DirectoryInterest> directories = [];
        foreach (InputFact fact in facts.Facts.Values)
        {
            AddWay(fact.Path);
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

        HashSet<VirtualPath> needed = [.. directories.Keys];
        foreach (VirtualPath place in facts.Roots.Values.SelectMany(static root => root.Way))
        {
            AddWay(place);
        }

        HashSet<VirtualPath> unwatched = [];
        isNew = false;
        foreach ((VirtualPath directory, DirectoryInterest interest) in directories)
        {
            if (watch.TryAdd(directory, interest, since, out bool added))
            {
                isNew |= added;
            }
            else if (needed.Contains(directory))
            {
                return null;
            }
            else
            {
                unwatched.Add(directory);
            }
        }

        return unwatched.Count == 0 ? facts : facts with
        {
            Roots = facts.Roots.Where(root => !root.Value.Way.Any(place => unwatched.Contains(place.Parent))).ToDictionary(),
        };

        // The directories on the way count too: there, the next name on it.
        void AddWay(VirtualPath path)
        {
            for (VirtualPath place = path; !place.IsRoot && Of(place.Parent).Names.Add(place.Name); place = place.Parent)
            {
                // The next one.
            }
        }

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

        Dictionary<VirtualPath, SharedRoot> roots = FindRoots(
            inputs.LastingRoots, path => path.IsRoot || busy.Contains(path) || facts.Facts.GetValueOrDefault(path) is DirectoryFact);
        Wire.InputSet set = new();
        set.Facts.AddRange(facts.Facts.Values.OrderBy(fact => fact.Path).Select(WireConversions.ToWire));
        return new SharedFacts(version, facts.Facts, facts.Sources, ContentSource.OfBytes(set.ToByteArray()), rest, busy, roots);
    }

    // Without those on whose way is a directory of which nothing else is known: it has a time, so it is each action's own. That it is there must be said: a worker's /tmp has what is
    // mapped in it and nothing else.
    private Dictionary<VirtualPath, SharedRoot> FindRoots(IEnumerable<VirtualPath> roots, Func<VirtualPath, bool> isKnown)
    {
        Dictionary<VirtualPath, SharedRoot> found = [];
        foreach (VirtualPath root in roots)
        {
            List<InputFact> way = [];
            VirtualPath path = new PathWalker(way.Add, digests.Placeholders).Resolve(root).Path;
            if (way.All(fact => isKnown(fact is DirectoryFact ? fact.Path : fact.Path.Parent)))
            {
                found.Add(root, new SharedRoot(path, [.. way.Select(static fact => fact.Path), path], [.. way.Where(static fact => fact is not DirectoryFact)]));
            }
        }

        return found;
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
