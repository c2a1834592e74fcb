using Microsoft.Extensions.Logging;
using Repr.Workspaces.Copying;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Launcher;
using Repr.Workspaces.Windows;

namespace Repr.Workspaces;

/// <summary>The known kinds of workspaces, best first.</summary>
public static class WorkspaceProviders
{
    /// <summary>Files appear when they are asked for (Linux).</summary>
    public const string Fuse = "fuse";

    /// <summary>Files are copied before the tool starts (Linux).</summary>
    public const string Copying = "copying";

    /// <summary>Files appear when they are asked for (Windows).</summary>
    public const string ProjFs = "projfs";

    private static readonly string[] s_linux = [Fuse, Copying];
    private static readonly string[] s_windows = [ProjFs];

    /// <summary>The names that this machine can have, best first.</summary>
    public static IReadOnlyList<string> Names => OperatingSystem.IsWindows() ? s_windows : s_linux;

    /// <summary>The same, with the default settings of Windows.</summary>
    public static ValueTask<IWorkspaceProvider> CreateAsync(
        string name, TimeProvider timeProvider, ILogger logger, CancellationToken cancellationToken) =>
        CreateAsync(name, new WindowsWorkspaceOptions(), timeProvider, logger, cancellationToken);

    /// <summary>Makes a provider of one kind, usable or not: see <see cref="IWorkspaceProvider.WhyUnavailable"/>.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="windows">Settings of the kind <see cref="ProjFs"/>.</param>
    /// <param name="timeProvider">The clock of time-outs.</param>
    /// <param name="logger">For what goes wrong.</param>
    /// <param name="cancellationToken">Stops the making.</param>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidRequest"/>: no kind has this name.
    /// <see cref="ReprErrorCode.Unavailable"/>: this kind is another system's.
    /// </exception>
    public static async ValueTask<IWorkspaceProvider> CreateAsync(
        string name, WindowsWorkspaceOptions windows, TimeProvider timeProvider, ILogger logger, CancellationToken cancellationToken)
    {
        if (!Names.Contains(name))
        {
            throw s_linux.Contains(name) ? Foreign(name, "Linux")
                : s_windows.Contains(name) ? Foreign(name, "Windows")
                : new ReprException(
                    ReprErrorCode.InvalidRequest, $"There is no kind of workspace '{name}'. Known are: {string.Join(", ", Names)}.");
        }

        if (OperatingSystem.IsWindows())
        {
            return await ProjFsWorkspaceProvider.CreateAsync(windows, timeProvider, logger, cancellationToken);
        }

        if (!OperatingSystem.IsLinux())
        {
            throw Foreign(name, "Linux");
        }

        SandboxServices services = new(new LauncherProcess(LauncherProcess.DefaultPath), timeProvider, logger);
        return name == Fuse
            ? await FuseWorkspaceProvider.CreateAsync(services, cancellationToken)
            : await CopyingWorkspaceProvider.CreateAsync(services, cancellationToken);
    }

    private static ReprException Foreign(string name, string system) => new(
        ReprErrorCode.Unavailable, $"Workspaces of the kind '{name}' need {system}. Here there are: {string.Join(", ", Names)}.");
}
