using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Repr.Workspaces.Windows;

/// <summary>The people at a machine with Windows, at its screen or over Remote Desktop. Safe for concurrent use.</summary>
public static class WindowsSessions
{
    /// <summary>For how long nobody has used a keyboard or mouse here (WTSINFO, LastInputTime).</summary>
    /// <returns><see cref="TimeSpan.MaxValue"/>: nobody is connected. Zero also where Windows does not say since when.</returns>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows does not tell.</exception>
    [SupportedOSPlatform("windows")]
    public static unsafe TimeSpan UnusedFor()
    {
        if (!SessionsNative.Enumerate(0, 0, version: 1, out SessionsNative.Session* sessions, out uint count))
        {
            throw Failure("list its sessions");
        }

        try
        {
            if (count == 0)
            {
                throw new ReprException(ReprErrorCode.Unavailable, "Windows does not list its sessions, of which there is always one.");
            }

            TimeSpan unused = TimeSpan.MaxValue;
            foreach (SessionsNative.Session session in new ReadOnlySpan<SessionsNative.Session>(sessions, (int)count))
            {
                if (session.State == SessionsNative.Active && UnusedFor(session.Id) is { } here && here < unused)
                {
                    unused = here;
                }
            }

            return unused;
        }
        finally
        {
            SessionsNative.Free(sessions);
        }
    }

    /// <summary>The same for one session, as Windows describes it; null: nobody sees it.</summary>
    internal static TimeSpan? UnusedFor(in SessionsNative.Information session)
    {
        if (session.State != SessionsNative.Active)
        {
            return null;
        }

        // 100 ns each, since 1601; 0: not known.
        long ticks = session.LastInputTime == 0 ? 0 : session.CurrentTime - session.LastInputTime;
        return TimeSpan.FromTicks(Math.Max(ticks, 0));
    }

    [SupportedOSPlatform("windows")]
    private static unsafe TimeSpan? UnusedFor(uint session)
    {
        if (!SessionsNative.Query(0, session, SessionsNative.SessionInfo, out void* buffer, out uint bytes))
        {
            throw Failure($"describe session {session}");
        }

        try
        {
            return bytes >= sizeof(SessionsNative.Information) ? UnusedFor(in *(SessionsNative.Information*)buffer) : TimeSpan.Zero;
        }
        finally
        {
            SessionsNative.Free(buffer);
        }
    }

    private static ReprException Failure(string what) =>
        new(ReprErrorCode.Unavailable, $"Windows does not {what}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message.TrimEnd('.')}.");
}
