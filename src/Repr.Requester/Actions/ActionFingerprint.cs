using Google.Protobuf;
using Repr.Protocol;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// Names an action together with all that is known of its world, but for the times of files: a worker that has to ask nothing gives the same known result to
/// actions with the same fingerprint. Pure.
/// </summary>
internal static class ActionFingerprint
{
    /// <summary>The fingerprint of an action in its world.</summary>
    public static Digest Of(ActionRequest request, InputMapping mapping)
    {
        Command command = request.Command with { OutputRoots = mapping.CollectOutputRoots() };
        Wire.Execute action = new() { Command = command.ToWire(), Description = request.Endpoint.AbsoluteUri };
        action.Command.Environment.Clear(); // a map has no order
        action.InputSets.Add(Digest.Compute(ExecuteMessage.EnvironmentOf(command, mapping).ToByteArray()).ToWire());
        action.InputSets.Add(Of(mapping.Facts).ToWire());
        if (mapping.Shared is { } shared)
        {
            action.InputSets.Add(shared.World.ToWire());
        }

        return Digest.Compute(action.ToByteArray());
    }

    /// <summary>The fingerprint of facts, which are in the order of their paths.</summary>
    public static Digest Of(IEnumerable<InputFact> facts)
    {
        Wire.InputSet set = new();
        set.Facts.AddRange(facts.Select(static fact => WithoutTime(fact).ToWire()));
        return Digest.Compute(set.ToByteArray());
    }

    private static InputFact WithoutTime(InputFact fact) => fact switch
    {
        FileFact file => file with { ModifiedNs = 0 },
        DirectoryFact directory => directory with { ModifiedNs = 0 },
        _ => fact,
    };
}
