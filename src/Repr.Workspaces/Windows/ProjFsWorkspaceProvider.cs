using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Windows;

/// <summary>What all workspaces of one provider share.</summary>
/// <param name="Port">The driver.</param>
/// <param name="Volumes">Where staging directories are.</param>
/// <param name="Identities">As whom tools run.</param>
/// <param name="FileSystem">What fills staging directories.</param>
/// <param name="Options">Settings.</param>
/// <param name="TimeProvider">The clock of time-outs and measurements.</param>
/// <param name="Logger">For what goes wrong.</param>
internal sealed record WindowsServices(
    FilterPort Port, WorkVolumes Volumes, ToolIdentities Identities, IProjFs FileSystem, WindowsWorkspaceOptions Options, TimeProvider TimeProvider, ILogger Logger);

/// <summary>
/// Workspaces on Windows: the driver reprflt redirects what a tool opens into a staging directory, which the Projected File System fills while
/// it is looked at; the tool runs in a job. Windows 10 1903 or later, x64.
/// </summary>
[SupportedOSPlatform("windows")]
internal sealed class ProjFsWorkspaceProvider : IWorkspaceProvider
{
    private readonly WindowsServices? _services;
    private ulong _lastAction;

    private ProjFsWorkspaceProvider(WindowsServices? services, string? whyUnavailable)
    {
        _services = services;
        WhyUnavailable = whyUnavailable;
    }

    /// <inheritdoc/>
    public string Name => WorkspaceProviders.ProjFs;

    /// <inheritdoc/>
    public string? WhyUnavailable { get; private set; }

    /// <summary>Makes a provider: connects to the driver, and tries a small workspace to learn whether it can be used.</summary>
    public static async ValueTask<ProjFsWorkspaceProvider> CreateAsync(
        WindowsWorkspaceOptions options, TimeProvider timeProvider, ILogger logger, CancellationToken cancellationToken)
    {
        FilterPort? port = null;
        ToolIdentities? identities = null;
        try
        {
            if (NativeProjFs.WhyUnavailable is { } missing)
            {
                return new ProjFsWorkspaceProvider(null, $"{MessageCodes.NoProjection}: {missing}");
            }

            port = FilterPort.Connect();
            identities = options.SlotUsers > 0 ? ToolIdentities.OfSlots(options.SlotUsers) : ToolIdentities.OfWorker();
            ProjFsWorkspaceProvider provider = new(
                new WindowsServices(port, new WorkVolumes(port), identities, new NativeProjFs(), options, timeProvider, logger), null);
            provider.WhyUnavailable = await SandboxProbe.TryAsync(
                provider, Directory.CreateDirectory(Path.Combine(options.StagingRoot, "probe")).FullName, cancellationToken);
            return provider;
        }
        catch (ReprException exception)
        {
            port?.Dispose();
            identities?.Dispose();
            return new ProjFsWorkspaceProvider(null, exception.Message);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IWorkspace> CreateAsync(
        string stagingDirectory, int slot, Command command, IFileSource files, CancellationToken cancellationToken)
    {
        WindowsServices services = _services ?? throw new ReprException(ReprErrorCode.Unavailable, WhyUnavailable!);
        ulong action = Interlocked.Increment(ref _lastAction);
        return await ProjFsWorkspace.CreateAsync(services, action, stagingDirectory, slot, command, files, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_services is not null)
        {
            _services.Volumes.Dispose();
            _services.Identities.Dispose();
            _services.Port.Dispose();
        }

        return ValueTask.CompletedTask;
    }
}
