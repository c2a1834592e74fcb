using System.Runtime.Versioning;
using Repr.Workspaces.Windows;

namespace Repr.Server.Presence;

/// <summary>What Windows knows: keyboard and mouse of all who are logged on, at the screen or over Remote Desktop.</summary>
[SupportedOSPlatform("windows")]
internal sealed class SessionPresence : IPresence
{
    /// <inheritdoc/>
    public string Name => "sessions";

    /// <inheritdoc/>
    public ValueTask<TimeSpan> LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            return ValueTask.FromResult(WindowsSessions.UnusedFor());
        }
        catch (ReprException failure)
        {
            throw new PresenceException(failure.Message, failure);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
