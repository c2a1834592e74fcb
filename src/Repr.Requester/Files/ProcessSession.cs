namespace Repr.Requester.Files;

/// <summary>The session of processes (setsid(2)) in which this process runs.</summary>
public static class ProcessSession
{
    /// <summary>
    /// Leaves the terminal's session, so that its end does not end this process. A process that leads a group stays where it is.
    /// </summary>
    public static void Leave()
    {
        // On Windows it was started without a console.
        if (!OperatingSystem.IsWindows())
        {
            _ = LinuxNative.LeaveTerminal();
        }
    }
}
