using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Repr.Workspaces.ProjFs;

/// <summary>How a projection works.</summary>
internal sealed record ProjectedDirectoryOptions
{
    /// <summary>How many threads of the library call at the same time. Few are enough, since none of them waits for the source.</summary>
    public int Threads { get; init; } = 2;

    /// <summary>How many of the file system's commands are worked at, at the same time.</summary>
    public int Concurrency { get; init; } = 64;

    /// <summary>How many handles can list directories at the same time.</summary>
    public int MaximumEnumerations { get; init; } = 4096;

    /// <summary>After this, an answer that has not come is a failure of the projection.</summary>
    public TimeSpan CommandLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The clock of that.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Called once, with the first failure: the action has no verdict and is to be killed. By then everything that its processes wait
    /// for is answered, with an error. Called by a thread of the file system or the pool; must return soon.
    /// </summary>
    public Action<ReprException>? OnFailure { get; init; }
}

/// <summary>What a projection did.</summary>
/// <param name="Questions">Questions to the source.</param>
/// <param name="Placeholders">Files and directories of which metadata was put on the disk.</param>
/// <param name="HydratedFiles">Files whose content was put on the disk.</param>
/// <param name="HydratedBytes">Bytes of them.</param>
internal readonly record struct ProjectionStatistics(long Questions, long Placeholders, long HydratedFiles, long HydratedBytes);

/// <summary>
/// An action's staging directory, filled from a source while the action looks at it: <c>staging\C\src\x</c> is "/C:/src/x" of the
/// source. One for each action; the file system's memory of absent names is per directory, and so goes with it.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>Start it, then run the action's processes, which the driver sends here. This process sees the directory as it is on the disk.</item>
/// <item>When they have ended, ask for the changes; then stop it, in this order, since an answer may still be needed.</item>
/// <item>To kill an action: <see cref="Abort"/> first, so that no process waits for an answer; then kill; then stop.</item>
/// <item>The directory can be deleted only after the stop.</item>
/// </list>
/// Safe for concurrent use.
/// </remarks>
internal sealed partial class ProjectedDirectory : IAsyncDisposable
{
    private readonly string _root;
    private readonly IProjFs _fileSystem;
    private readonly ProjectedDirectoryOptions _options;
    private readonly ILogger _logger;
    private readonly ProjectedSource _source;
    private readonly EnumerationSessions _enumerations;
    private readonly PendingCommands _commands;
    private readonly StagingNotes _notes = new();
    private readonly Rundown _rundown = new();
    private readonly Lock _stopping = new();
    private readonly ConcurrentDictionary<long, byte> _hydrated = new();
    private IVirtualizationInstance? _instance;
    private ReprException? _failure;
    private Task? _stop;
    private long _placeholders;
    private long _hydratedBytes;

    private ProjectedDirectory(string root, IFileSource files, IProjFs fileSystem, ProjectedDirectoryOptions options, ILogger logger)
    {
        _root = root;
        _fileSystem = fileSystem;
        _options = options;
        _logger = logger;
        _source = new ProjectedSource(files, fileSystem, logger);
        _enumerations = new EnumerationSessions(fileSystem, options.MaximumEnumerations);
        _commands = new PendingCommands(options.Concurrency, options.CommandLimit, options.TimeProvider, Complete, FailLate);
    }

    /// <summary>The first failure; null as long as there is none. With one, the action has no verdict.</summary>
    public ReprException? Failure => Volatile.Read(ref _failure);

    /// <summary>What it did so far.</summary>
    public ProjectionStatistics Statistics => new(
        _source.Questions,
        Interlocked.Read(ref _placeholders),
        _hydrated.Count,
        Interlocked.Read(ref _hydratedBytes));

    /// <summary>Handles that are listing a directory, as far as known.</summary>
    public int OpenEnumerations => _enumerations.Count;

    /// <summary>Makes a directory the projection of a source.</summary>
    /// <param name="stagingRoot">An empty directory on NTFS, in no other projection; absolute. It is made if it is not there.</param>
    /// <param name="files">What the action sees.</param>
    /// <param name="fileSystem">The projected file system.</param>
    /// <param name="options">How it works.</param>
    /// <param name="logger">For what goes wrong.</param>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Unavailable"/>: the projected file system is not installed, or can't be used in this directory.
    /// </exception>
    public static Task<ProjectedDirectory> StartAsync(
        string stagingRoot, IFileSource files, IProjFs fileSystem, ProjectedDirectoryOptions options, ILogger logger)
    {
        ProjectedDirectory directory = new(Path.GetFullPath(stagingRoot), files, fileSystem, options, logger);
        return Task.Run(() =>
        {
            Directory.CreateDirectory(directory._root);
            fileSystem.Start(directory._root, options.Threads, instance =>
            {
                directory._instance = instance;
                return new Callbacks(directory);
            });
            return directory;
        });
    }

    /// <summary>
    /// What the action changed, parents before children. Only while nothing runs in the directory any more, and before
    /// <see cref="StopAsync"/>. Contents lie at their local paths until the directory is deleted.
    /// </summary>
    /// <exception cref="ReprException">There was a failure; it is thrown again. Or the source does not know what was there before.</exception>
    /// <exception cref="IOException">The directory could not be read.</exception>
    public async Task<IReadOnlyList<WorkspaceChange>> CollectChangesAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<WorkspaceChange> changes =
            await new StagingChanges(_root, _fileSystem, _source, _notes).CollectAsync(cancellationToken);
        return Failure is { } failure ? throw failure : changes;
    }

    /// <summary>Answers everything that is asked, and will be, with an error. Before a kill: what waits for an answer can't be killed.</summary>
    public void Abort() => _commands.Abort();

    /// <summary>
    /// Stops the projection: answers what is pending, waits until nothing uses the instance, then ends it. Does not wait for the source.
    /// The second call waits for the first.
    /// </summary>
    public Task StopAsync()
    {
        lock (_stopping)
        {
            return _stop ??= StopOnceAsync();
        }
    }

    /// <inheritdoc cref="StopAsync"/>
    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task StopOnceAsync()
    {
        // The library waits for its callbacks when it is stopped, but not for commands that are pending: they come first.
        await _commands.DrainAsync();
        await _rundown.CloseAsync();
        await Task.Run(_instance!.Stop);
    }

    // The use of the instance, which may be gone: by then nobody waits for the answer.
    private int Use(Func<IVirtualizationInstance, int> use)
    {
        if (!_rundown.TryEnter())
        {
            return HResult.OperationAborted;
        }

        try
        {
            return use(_instance!);
        }
        finally
        {
            _rundown.Exit();
        }
    }

    private void Complete(int commandId, int result) => Use(instance =>
    {
        instance.Complete(commandId, result);
        return HResult.Ok;
    });

    private void Fail(ReprException failure)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is not null)
        {
            Log.LaterFailure(_logger, failure.Message);
            return;
        }

        _commands.Abort();
        _options.OnFailure?.Invoke(failure);
    }

    private void FailLate() => Fail(new ReprException(
        ReprErrorCode.Unavailable, $"A file of the requester did not arrive within {_options.CommandLimit.TotalSeconds:0} seconds. Try again."));

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Debug, "A further failure of an action that has failed: {Reason}")]
        public static partial void LaterFailure(ILogger logger, string reason);

        [LoggerMessage(LogLevel.Error, "A defect in the projection of '{Root}'.")]
        public static partial void Defect(ILogger logger, string root, Exception exception);
    }
}
