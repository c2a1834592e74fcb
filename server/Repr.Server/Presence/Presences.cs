namespace Repr.Server.Presence;

/// <summary>Finds out what on this machine can tell whether somebody uses it.</summary>
internal static class Presences
{
    /// <summary>The best that there is: sessions of Windows; logind, else terminals.</summary>
    /// <param name="hasLoad">Whether the load of the machine counts as well, so that there may be none.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null: none, only the load counts.</returns>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: nothing can tell it here.</exception>
    public static async Task<IPresence?> FindAsync(bool hasLoad, TimeProvider time, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows())
        {
            return new SessionPresence();
        }

        if (!OperatingSystem.IsLinux())
        {
            throw new ReprException(ReprErrorCode.Unavailable, "--only-when-idle: nothing tells yet on this system whether somebody sits at the machine. Leave it out.");
        }

        if (await LogindPresence.TryConnectAsync(time, cancellationToken) is { } logind)
        {
            return logind;
        }

        if (!TerminalPresence.HasMouse("/proc/bus/input/devices"))
        {
            return new TerminalPresence("/dev", time);
        }

        return hasLoad
            ? null
            : throw new ReprException(
                ReprErrorCode.Unavailable,
                "--only-when-idle: nothing here tells whether somebody sits at this machine: it has a mouse, but no logind on the system's bus. "
                + "Start systemd-logind or elogind, or go by the load with --idle-load.");
    }
}
