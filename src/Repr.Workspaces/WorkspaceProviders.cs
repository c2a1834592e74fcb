using Microsoft.Extensions.Logging;
using Repr.Workspaces.Copying;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces;

/// <summary>The known kinds of workspaces, best first.</summary>
public static class WorkspaceProviders
{
    /// <summary>Files appear when they are asked for (Linux).</summary>
    public const string Fuse = "fuse";

    /// <summary>Files are copied before the tool starts (Linux).</summary>
    public const string Copying = "copying";

    /// <summary>All names, best first.</summary>
    public static IReadOnlyList<string> Names { get; } = [Fuse, Copying];

    /// <summary>Makes a provider of one kind, usable or not: see <see cref="IWorkspaceProvider.WhyUnavailable"/>.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="timeProvider">The clock of time-outs.</param>
    /// <param name="logger">For what goes wrong.</param>
    /// <param name="cancellationToken">Stops the making.</param>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: no kind has this name.
    /// <see cref="ReprErrorCode.Unavailable"/>: this is not Linux.
    /// </exception>
    public static async ValueTask<IWorkspaceProvider> CreateAsync(
        string name, TimeProvider timeProvider, ILogger logger, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new ReprException(ReprErrorCode.Unavailable, $"Workspaces of the kind '{name}' need Linux.");
        }

        SandboxServices services = new(new LauncherProcess(LauncherProcess.DefaultPath), timeProvider, logger);
        return name switch
        {
            Fuse => await FuseWorkspaceProvider.CreateAsync(services, cancellationToken),
            Copying => await CopyingWorkspaceProvider.CreateAsync(services, cancellationToken),
            _ => throw new ReprException(
                ReprErrorCode.InvalidRequest, $"There is no kind of workspace '{name}'. Known are: {string.Join(", ", Names)}."),
        };
    }
}
