using Google.Protobuf;
using Google.Protobuf.Collections;
using Repr.Protocol;
using Repr.Requester.Content;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// Writes what a worker is asked to do. What is the same for many actions, or for this one the next time, goes into input sets: they
/// are content, so a worker gets them once. Pure.
/// </summary>
internal static class ExecuteMessage
{
    // What this build has made, as the references of a project, has another time after the next one: it is kept apart.
    private const long YoungNs = 600_000_000_000;

    // To bring less into the store would cost more than to say it each time.
    private const int MaximumInlineBytes = 512;

    /// <summary>Writes an action.</summary>
    /// <param name="request">The action.</param>
    /// <param name="mapping">What is known of its files.</param>
    /// <param name="withSets">Whether the worker reads input sets.</param>
    /// <returns>The message, and the content that it names besides the mapping's.</returns>
    public static (Wire.Execute Execute, IReadOnlyList<ContentSource> Sets) Make(ActionRequest request, InputMapping mapping, bool withSets)
    {
        IReadOnlyList<VirtualPath> outputRoots = mapping.CollectOutputRoots();
        Command command = request.Command with { OutputRoots = outputRoots };
        Wire.Execute execute = new() { Command = command.ToWire(), Description = request.Description, Cache = request.Caching.ToWire() };
        if (request.EmptyMapping)
        {
            execute.Inputs.AddRange(mapping.Facts.Where(fact => IsNeededAlways(fact, mapping)).Select(WireConversions.ToWire));
            return (execute, []);
        }

        if (!withSets)
        {
            execute.Inputs.AddRange(mapping.Facts.Concat(mapping.Shared?.Facts.Values ?? []).Select(WireConversions.ToWire));
            return (execute, []);
        }

        Wire.InputSet environment = EnvironmentOf(command, mapping);
        execute.Command.Environment.Clear();
        long youngNs = mapping.MadeNs - YoungNs;
        Wire.InputSet young = new();
        Wire.InputSet own = new();
        Wire.InputSet foreign = new();
        foreach (InputFact fact in mapping.Facts)
        {
            RepeatedField<Wire.InputFact> place = IsVolatile(fact, request, mapping, outputRoots) ? execute.Inputs
                : IsYoung(fact, youngNs) ? young.Facts
                : IsOwn(fact.Path, request, outputRoots) ? own.Facts
                : foreign.Facts;
            place.Add(fact.ToWire());
        }

        foreach (Wire.InputSet small in new[] { foreign, own, young }.Where(static set => set.CalculateSize() <= MaximumInlineBytes))
        {
            execute.Inputs.AddRange(small.Facts);
            small.Facts.Clear();
        }

        ContentSource[] sets = [.. new[] { environment, foreign, own, young }
            .Where(set => set.Facts.Count + set.Environment.Count + set.ReadRoots.Count > 0)
            .Select(set => ContentSource.OfBytes(set.ToByteArray()))
            .Concat(mapping.Shared is { } shared ? [shared.Set] : [])];
        execute.InputSets.AddRange(sets.Select(set => set.Digest.ToWire()));
        return (execute, sets);
    }

    /// <summary>What an action has in common with others of its build: its environment, always in one order, and what may be read.</summary>
    public static Wire.InputSet EnvironmentOf(Command command, InputMapping mapping)
    {
        Wire.InputSet environment = new();
        foreach ((string name, string value) in command.Environment.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            environment.Environment.Add(name, value);
        }

        environment.ReadRoots.AddRange(mapping.Policy.Roots.Select(static root => root.Text));
        return environment;
    }

    // Below its own private directories a worker asks nothing unless it is told that there is something.
    private static bool IsNeededAlways(InputFact fact, InputMapping mapping) =>
        (fact is FileFact && mapping.Imposed.Contains(fact.Path)) // a virtual file, as the response file
        || (fact is DirectoryFact { IsComplete: false } or SymlinkFact && fact.Path.Text.StartsWith("/tmp", StringComparison.Ordinal));

    // The times of directories in which builds write change with every build.
    private static bool IsVolatile(InputFact fact, ActionRequest request, InputMapping mapping, IReadOnlyList<VirtualPath> outputRoots) =>
        mapping.Imposed.Contains(fact.Path)
        || request.NamedOutputs.Contains(fact.Path)
        || fact is DirectoryFact { IsBusy: true }
        || mapping.Shared?.Busy.Contains(fact.Path) == true
        || (fact is DirectoryFact { IsComplete: false } && outputRoots.Any(root => root.IsWithin(fact.Path) || fact.Path.IsWithin(root)));

    private static bool IsYoung(InputFact fact, long youngNs) => fact switch
    {
        FileFact file => file.ModifiedNs > youngNs,
        DirectoryFact directory => directory.ModifiedNs > youngNs,
        _ => false,
    };

    private static bool IsOwn(VirtualPath path, ActionRequest request, IReadOnlyList<VirtualPath> outputRoots) =>
        path.IsWithin(request.Command.WorkingDirectory) || outputRoots.Any(path.IsWithin);
}
