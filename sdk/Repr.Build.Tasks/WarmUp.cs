using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using Microsoft.Build.Framework;
using Repr.Protocol.V1;

namespace Repr.Build;

/// <summary>
/// Makes ready what the first action of a process needs, in the background and while the engine still looks at projects: each node of MSBuild loads and compiles the way
/// to the door anew, and with a known result that takes longer than the rest. Once per process; starts no requester process. Safe for concurrent use.
/// </summary>
internal static class WarmUp
{
    // One of the process, as what it makes ready.
    private static int s_begun;

    /// <summary>Begins, if nobody has before.</summary>
    /// <param name="settings">Those of some project.</param>
    /// <param name="engine">Keeps the connection that the first action uses.</param>
    public static void Begin(RemoteSettings settings, IBuildEngine engine)
    {
        if (Interlocked.Exchange(ref s_begun, 1) == 0)
        {
            DoorConnections? connections = DoorConnections.Of(engine, settings.ToolPath);
            InBackground(() => Walk(settings, connections));
        }
    }

    /// <summary>Begins something that the first action would do else, each time it is called.</summary>
    /// <param name="walk">Goes the first action's way.</param>
    [SuppressMessage("Design", "CA1031", Justification = "What goes wrong here goes wrong for the first action too, which has somebody to tell it to.")]
    public static void InBackground(Action walk) => _ = Task.Run(() =>
    {
        try
        {
            walk();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
        }
    });

    private static void Walk(RemoteSettings settings, DoorConnections? connections)
    {
        WriteSample(settings);
        ReadSample();
        DoorClient door = new(settings.ToolPath, connections);
        door.WarmUp();
        door.Announce("sample");
        door.Withdraw();
    }

    /// <summary>Reads an answer with something of each kind.</summary>
    /// <returns>What was read.</returns>
    public static DoorReply ReadSample() => DoorReply.Parser.ParseFrom(new DoorReply
    {
        Done = new Done { Code = 1, Worker = "sample", Warnings = { new Warning { Code = "sample" } }, Statistics = new RunStatistics { Kept = true, TotalMs = 1 } },
    }.ToByteArray());

    /// <summary>Writes an action with something of each kind to nobody.</summary>
    /// <returns>Its size in bytes.</returns>
    public static int WriteSample(RemoteSettings settings)
    {
        RemoteRun.FindProblem(settings.Endpoint);
        RemoteAction action = new()
        {
            Arguments = ["tool"],
            WorkingDirectory = "/",
            Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["NAME"] = "value" },
            Inputs = ["/input"],
            GuessedInputs = ["/guess"],
            VirtualFiles = [new ActionFile("/virtual", [0])],
            OutputFiles = ["/output"],
            OutputDirectories = ["/outputs"],
            ReadRoots = SystemRoots.All,
            Description = "sample",
            PredictionKey = "sample",
        };
        DoorRequest request = new() { Run = RemoteRun.Describe(settings, action, isLive: false) };
        request.WriteDelimitedTo(Stream.Null);
        return request.CalculateSize();
    }
}
