namespace Repr.Workspaces.Windows;

/// <summary>Settings of workspaces on Windows.</summary>
public sealed record WindowsWorkspaceOptions
{
    /// <summary>The directory in which all staging directories will be: the driver knows one for each volume.</summary>
    public string StagingRoot { get; init; } = Path.Combine(Path.GetTempPath(), "repr-staging");

    /// <summary>Slots whose tools run as a local user of the slot's own; 0: tools run as the worker, without its privileges.</summary>
    public int SlotUsers { get; init; }

    /// <summary>Memory that the processes of one action may commit, in bytes; 0: no bound.</summary>
    public long ActionMemoryBytes { get; init; }

    /// <summary>Processes of one action that may live at the same time, the starter included.</summary>
    public int ActionProcesses { get; init; } = 1024;
}
