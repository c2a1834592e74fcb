using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
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
    public static void Begin(RemoteSettings settings)
    {
        if (Interlocked.Exchange(ref s_begun, 1) == 0)
        {
            _ = Task.Run(() => Walk(settings));
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "What goes wrong here goes wrong for the first action too, which has somebody to tell it to.")]
    private static void Walk(RemoteSettings settings)
    {
        try
        {
            WriteSample(settings);
            new DoorClient(settings.ToolPath).WarmUp();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
        }
    }

    /// <summary>Writes an action with something of each kind to nobody.</summary>
    /// <returns>Its size in bytes.</returns>
    public static int WriteSample(RemoteSettings settings)
    {
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
