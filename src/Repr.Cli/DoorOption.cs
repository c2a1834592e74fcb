using System.CommandLine;
using Repr.Requester.Door;

namespace Repr.Cli;

/// <summary>The option that names the door; by default that of this build of Repr.</summary>
internal static class DoorOption
{
    /// <summary>Makes the option.</summary>
    public static Option<string> Create() => new("--door")
    {
        Description = "Path of the socket of the background process.",
        DefaultValueFactory = _ => DoorPaths.FindDoor(typeof(DoorOption).Assembly.Location),
    };
}
