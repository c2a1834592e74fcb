namespace Repr.Workspaces.Windows;

/// <summary>
/// The directories of temporary files of a command of Windows, its variables TMP and TEMP. They are each action's own: of what the
/// requester has there, a file source has to show what is mapped for the action, and nothing else. The same on every system.
/// </summary>
public static class TemporaryDirectories
{
    /// <summary>Those of a command; none for one that is not of Windows.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: one of them is no path of Windows.</exception>
    public static IReadOnlyList<VirtualPath> Of(Command command)
    {
        ArgumentNullException.ThrowIfNull(command);
        return command.Program.HasDrive ? ToolEnvironment.TemporaryDirectories(ToolEnvironment.Of(command, "")) : [];
    }
}
