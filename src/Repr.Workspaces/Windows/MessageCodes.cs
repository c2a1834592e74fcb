namespace Repr.Workspaces.Windows;

/// <summary>Codes of what an administrator of a worker on Windows has to do. Each is described in docs/troubleshooting.md.</summary>
internal static class MessageCodes
{
    /// <summary>The driver cannot be used.</summary>
    public const string NoDriver = "REPR3101";

    /// <summary>The Projected File System cannot be used.</summary>
    public const string NoProjection = "REPR3102";

    /// <summary>Slots cannot have users of their own.</summary>
    public const string NoSlotUsers = "REPR3103";
}
