using System.Globalization;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Windows;

/// <summary>A workspace on Windows: a staging directory on each volume that the requester's drives are on, the driver's rules, and a job.</summary>
/// <remarks>
/// The order of the end is that of the parts: the last process goes, the changes are read, the driver forgets the action, the projection
/// stops, the directories are deleted.
/// </remarks>
[SupportedOSPlatform("windows")]
internal sealed partial class ProjFsWorkspace : IWorkspace
{
    private readonly WindowsServices _services;
    private readonly ulong _action;
    private readonly int _slot;
    private readonly Command _command;
    private readonly SortedDictionary<string, string> _environment;
    private readonly IReadOnlyList<VirtualPath> _temporary;
    private readonly IReadOnlyList<StagedDrive> _drives;
    private readonly List<ProjectedDirectory> _projections = [];
    private readonly SingleRun _run;
    private IReadOnlyList<WorkspaceChange>? _changes;
    private bool _begun;

    private ProjFsWorkspace(
        WindowsServices services,
        ulong action,
        int slot,
        Command command,
        SortedDictionary<string, string> environment,
        IReadOnlyList<VirtualPath> temporary,
        IReadOnlyList<StagedDrive> drives)
    {
        _services = services;
        _run = new SingleRun(services.Logger);
        _action = action;
        _slot = slot;
        _command = command;
        _environment = environment;
        _temporary = temporary;
        _drives = drives;
    }

    /// <summary>Makes a workspace: its directories answer, and the driver knows its rules.</summary>
    /// <exception cref="ReprException">It could not be made, or the command is none for Windows.</exception>
    public static async ValueTask<ProjFsWorkspace> CreateAsync(
        WindowsServices services, ulong action, string staging, int slot, Command command, IFileSource files, CancellationToken cancellationToken)
    {
        if (command.Terminal is not null)
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, "A worker on Windows has no terminals. Run the command with its output redirected.");
        }

        SortedDictionary<string, string> environment =
            ToolEnvironment.Of(command, string.Create(CultureInfo.InvariantCulture, $"repr-{Environment.ProcessId}-{action}"));
        IReadOnlyList<VirtualPath> temporary = ToolEnvironment.TemporaryDirectories(environment);
        IReadOnlyList<StagedDrive> drives =
            services.Volumes.Stage(staging, await RequesterDrives.FindAsync(command, environment, files, cancellationToken));
        ProjFsWorkspace workspace = new(services, action, slot, command, environment, temporary, drives);
        try
        {
            await workspace.PrepareAsync(staging, files);
            return workspace;
        }
        catch
        {
            await workspace.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<ToolRun> RunAsync(IToolText text, IToolInput? input, CancellationToken cancellationToken) =>
        _run.RunAsync(() => RunToolAsync(text, input, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IReadOnlyList<WorkspaceChange> CollectChanges() =>
        _changes ?? throw new InvalidOperationException("Changes are there only after the command has run.");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _run.DisposeAsync();
        EndAction();
        foreach (ProjectedDirectory projection in _projections)
        {
            await projection.StopAsync();
        }

        foreach (string directory in _drives.Select(static drive => drive.Staging).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            StagingDirectory.TryDelete(directory, _services.Logger);
        }
    }

    private async ValueTask PrepareAsync(string staging, IFileSource files)
    {
        ProjectedDirectoryOptions options = new() { TimeProvider = _services.TimeProvider, OnFailure = _run.Fail };
        foreach (string directory in _drives.Select(static drive => drive.Staging).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            _services.Identities.Grant(directory, _slot);
            _projections.Add(await ProjectedDirectory.StartAsync(directory, files, _services.FileSystem, options, _services.Logger));
        }

        _services.Port.BeginAction(_action, Path.GetFileName(staging));
        _begun = true;
        foreach (StagedDrive drive in _drives)
        {
            _services.Port.Redirect(_action, drive.Path, drive.Letter.ToString());
        }

        _services.Port.Allow(_action, WorkVolumes.DevicePathOf(Environment.GetFolderPath(Environment.SpecialFolder.Windows)));
    }

    private async ValueTask<ToolRun> RunToolAsync(IToolText text, IToolInput? input, CancellationToken cancellationToken)
    {
        long begun = _services.TimeProvider.GetTimestamp();
        using CancellationTokenRegistration answering = _run.Stopping.UnsafeRegister(
            _ => _projections.ForEach(static projection => projection.Abort()), null); // a process that waits for an answer cannot die before it has one
        using ToolProcess process = new(
            new ToolStart(
                Starter.DefaultPath,
                _command,
                ToolEnvironment.Block(_environment),
                [.. _drives.Select(static drive => drive.Link).OfType<DriveLink>()],
                _services.Identities.TokenOf(_slot),
                new ToolLimits(_services.Options.ActionMemoryBytes, _services.Options.ActionProcesses)),
            _services.TimeProvider);
        ToolEnding ending;
        try
        {
            ending = await process.RunAsync(
                starter => _services.Port.AddProcess(_action, starter.Id, starter.CreationTime), text, _command.TakesInput ? input : null, _run.FailText, _run.Stopping);
        }
        catch (Exception exception) when (_run.Stopping.IsCancellationRequested && exception is ReprException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _run.ThrowIfFailed();
            throw;
        }

        cancellationToken.ThrowIfCancellationRequested();
        _run.ThrowIfFailed();
        ToolExit exit = Judge(ending);
        _changes = await CollectAsync(cancellationToken);
        TellFigures();
        TimeSpan setup = _services.TimeProvider.GetElapsedTime(begun, ending.Started);
        return new ToolRun(
            exit, setup.TotalMilliseconds, _services.TimeProvider.GetElapsedTime(ending.Started).TotalMilliseconds, ending.ProcessorTime.TotalMilliseconds);
    }

    private ToolExit Judge(ToolEnding ending) => ending switch
    {
        // First what was done to it: the tool may have ended well before what it started was killed.
        { TimedOut: true } => new ToolExit(ExitKind.TimedOut, 0),
        { Signal: not 0 } => new ToolExit(ExitKind.Signal, ending.Signal),
        { ExitCode: not 0, Exceeded: { } option } => throw new ReprException(
            ReprErrorCode.Exhausted,
            $"'{_command.Program}' and what it started wanted more than an action may have on this worker ({option}); that it failed is not its verdict."),
        { ExitCode: { } code } => new ToolExit(ExitKind.Code, unchecked((int)code)),
        _ => throw new ReprException(
            ReprErrorCode.Unavailable,
            $"The processes of '{_command.Program}' were killed from outside, or for want of memory (--action-memory-bytes). Try again."),
    };

    private async ValueTask<IReadOnlyList<WorkspaceChange>> CollectAsync(CancellationToken cancellationToken)
    {
        List<WorkspaceChange> changes = [];
        foreach (ProjectedDirectory projection in _projections)
        {
            changes.AddRange(await projection.CollectChangesAsync(cancellationToken));
        }

        return [.. changes.Where(change => !_temporary.Any(change.Path.IsWithin) || _command.OutputRoots.Any(change.Path.IsWithin))];
    }

    private void TellFigures()
    {
        foreach (ProjectionStatistics figures in _projections.Select(static projection => projection.Statistics))
        {
            Log.Projected(_services.Logger, _command.Program, figures.Questions, figures.Placeholders, figures.HydratedFiles, figures.HydratedBytes);
        }
    }

    private void EndAction()
    {
        if (!_begun)
        {
            return;
        }

        _begun = false;
        try
        {
            uint running = _services.Port.EndAction(_action);
            if (running > 0)
            {
                Log.StillRunning(_services.Logger, running, _command.Program);
            }
        }
        catch (ReprException exception)
        {
            Log.NotEnded(_services.Logger, _command.Program, exception.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{Count} processes of '{Program}' outlived their job; the driver denies them every file.")]
        public static partial void StillRunning(ILogger logger, uint count, VirtualPath program);

        [LoggerMessage(LogLevel.Warning, "The driver did not end the action of '{Program}': {Reason}")]
        public static partial void NotEnded(ILogger logger, VirtualPath program, string reason);

        [LoggerMessage(LogLevel.Information, "{Program}: {Questions} questions to the source, {Placeholders} placeholders, {Files} files hydrated ({Bytes} bytes)")]
        public static partial void Projected(ILogger logger, VirtualPath program, long questions, long placeholders, long files, long bytes);
    }
}
