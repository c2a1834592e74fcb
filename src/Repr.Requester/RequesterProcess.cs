using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Repr.Requester.Actions;
using Repr.Requester.Content;
using Repr.Requester.Discovery;
using Repr.Requester.Door;
using Repr.Requester.Farm;
using Repr.Requester.Files;
using Repr.Requester.Placeholders;
using Repr.Requester.Placement;
using Repr.Requester.Predictors;
using Repr.Requester.Sessions;
using Repr.Requester.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester;

/// <summary>
/// The background process of one user on one machine: owns the sessions with workers, the digest cache and the build record, and
/// serves the door. Stops when idle (at once when its settings file has changed), when asked, or when cancelled (SIGTERM); a second one for the same door leaves at once.
/// </summary>
public sealed partial class RequesterProcess : IDoorService, IAsyncDisposable
{
    private static readonly TimeSpan IdleCheck = TimeSpan.FromSeconds(1);

    private readonly RequesterOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly DigestCache _digests;
    private readonly TreeWatch? _watch = TreeWatch.TryCreate();
    private readonly WorkerSessions _sessions;
    private readonly WorkerPool _workers;
    private readonly FarmWorkers _farms;
    private readonly ActionRunner _runner;
    private readonly RequesterTelemetry _telemetry;
    private readonly LocalQueue _local;
    private readonly PlaceholderContents _placeholders;
    private readonly PlaceholderMount _mount;
    private readonly WorkHistory _history;
    // Never disposed: a client or a signal may ask again at any moment. They hold no resources.
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _force = new();
    private long _lastUse;
    private int _running;
    private long _completed;
    private long _notRun;
    private long _cached;

    private RequesterProcess(
        RequesterOptions options, RequesterStores stores, ILocalContentStore? keptContent, RequesterTelemetry telemetry, ILogger log, TimeProvider time)
    {
        _telemetry = telemetry;
        _time = time;
        _log = log;
        PluginContext context = new(time, warning => Log.PluginWarns(log, warning));
        _options = options = options with { Access = options.Plugins.OpenAccess(context) };
        VirtualPath[] secrets = [.. options.Access.SecretFiles.Append(options.Plugins.Path).OfType<string>().Select(Disk.ParseNative)];
        string placeholders = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.DoorPath))!, "content");
        _placeholders = new PlaceholderContents(
            placeholders,
            options.CacheDirectory,
            new PlaceholderWorkers(Path.Combine(options.CacheDirectory, "placeholder-workers")),
            async (endpoint, token) => (await _sessions!.GetAsync(endpoint, token)).Downloader,
            keptContent,
            log);
        _mount = new PlaceholderMount(placeholders, _placeholders, stores.Mount, log);
        _digests = new DigestCache(Path.Combine(options.CacheDirectory, "digests-v1"), time) { Placeholders = _placeholders };
        _sessions = new WorkerSessions(options, _digests, keptContent, stores.OpenShared(_log), time);
        SlowWorkers slow = new(time);
        _workers = new WorkerPool(_sessions, new DiscoveredWorkers(options.Plugins.CreateDiscovery(context), time, log), slow, options.Plugins.Path, log);
        _history = new WorkHistory(Path.Combine(options.CacheDirectory, "durations-v1"), time);
        _farms = new FarmWorkers(
            options.Plugins.Farm,
            endpoint =>
            {
                Uri? seed = FarmEndpoint.SeedOf(endpoint);
                FarmMembers members = new(seed);
                IReadOnlyList<NamedDiscovery> others = seed is null ? options.Plugins.CreateDiscovery(context) : [];
                DiscoveredWorkers found = new([.. others, new NamedDiscovery("farm", members)], time, log);
                return new JoinedFarm(new FarmLeases(options, found, members, time, log), new WorkerPool(_sessions, found, slow, options.Plugins.Path, log));
            },
            _history,
            slow,
            log);
        InputPredictors predictors = options.Plugins.CreatePredictors(context, _log);
        PredictionStore predictions = new(Path.Combine(options.CacheDirectory, "predictions"), predictors);
        PlacementSettings placement = options.Plugins.Placement;
        LocalMachine machine = new(placement.LocalSlots, static () => LocalLoad.Measure(LocalQueue.AvailableBytes), time);
        RaceGovernor governor = new(placement.RaceShare, placement.RacesAtOnce);
        Placer placer = new(_history, machine, time);
        OutputWriter writer = new(_digests, _mount);
        InputMapper mapper = new(_digests, new SharedMapper(_digests, _watch, secrets), time);
        KeptResults kept = new(keptContent, writer, mapper, time);
        WorkerRuns runs = new(predictions, _farms, _digests, writer, kept, _history, placer, time);
        _runner = new ActionRunner(
            options,
            _workers,
            _farms,
            mapper,
            predictions,
            kept,
            predictors,
            placer,
            new ActionRace(runs, _workers, _farms, slow, _history, machine, governor, time, log),
            governor,
            telemetry,
            time,
            _log);
        _local = new LocalQueue(Environment.ProcessorCount, LocalQueue.AvailableBytes, time);
        _lastUse = time.GetTimestamp();
    }

    /// <summary>Runs a requester process until it stops.</summary>
    /// <param name="options">How it runs.</param>
    /// <param name="stores">Its content stores.</param>
    /// <param name="cancellationToken">Stops it; actions that run are given back.</param>
    /// <returns>0, also when another process serves the door already.</returns>
    /// <exception cref="IOException">The door or the cache directory cannot be used; the message says why.</exception>
    public static async Task<int> RunAsync(RequesterOptions options, RequesterStores stores, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(stores);
        DoorPaths.CreatePrivateDirectory(Path.GetDirectoryName(options.DoorPath)!);
        await using FileStream? doorLock = TryLock(options.DoorPath + ".lock");
        if (doorLock is null)
        {
            return 0;
        }

        TimeProvider time = TimeProvider.System;
        Disk.CreatePrivateDirectory(options.CacheDirectory);
        FileLog log = new(Path.Combine(options.CacheDirectory, "requester.log"), LogLevel.Information, time);
        await using RequesterTelemetry telemetry = await RequesterTelemetry.StartAsync(
            Path.Combine(options.CacheDirectory, "records"), options.Plugins.MakeSinks(time, log), time, log);
        ILocalContentStore? kept = await stores.OpenKept(log, cancellationToken);
        await using IAsyncDisposable? owned = kept as IAsyncDisposable;
        await using RequesterProcess process = new(options, stores, kept, telemetry, log, time);
        await process.ServeAsync(doorLock, cancellationToken);
        return 0;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _mount.DisposeAsync();
        await _farms.DisposeAsync();
        await _workers.DisposeAsync();
        await _sessions.DisposeAsync();
        await _options.Access.DisposeAsync();
        _history.Save(atOnce: true);
        _digests.Dispose();
        _watch?.Dispose();
    }

    /// <inheritdoc/>
    async Task<Wire.DoorReply> IDoorService.RunAsync(
        Wire.Run run,
        AnnouncedRun? announced,
        Func<Wire.DoorText, ValueTask> text,
        ChannelReader<ToolInput> input,
        Action<IDisposable> held,
        CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _running);
        try
        {
            Wire.DoorReply reply = await _runner.RunAsync(run, announced, text, input, cancellationToken, _force.Token);
            Interlocked.Increment(ref reply.Done is null ? ref _notRun : ref _completed);
            if (reply.Done is { Statistics.HasCachedToolMs: true })
            {
                Interlocked.Increment(ref _cached);
            }

            if (reply.NotRun is { Cancelled: false } notRun)
            {
                _placeholders.MakeWay(PlaceholderOutputs.Of(run));
                Log.NotRun(_log, notRun.ByChoice ? LogLevel.Debug : LogLevel.Warning, run.Description, notRun.Code, notRun.Message);
                if (run.QueueLocally)
                {
                    held(await _local.EnterAsync(cancellationToken));
                }
            }

            return reply;
        }
        finally
        {
            Volatile.Write(ref _lastUse, _time.GetTimestamp());
            Interlocked.Decrement(ref _running);
        }
    }

    /// <inheritdoc/>
    AnnouncedRun IDoorService.Announce(string predictionKey) => _runner.Announce(predictionKey);

    /// <inheritdoc/>
    async Task<Wire.RefreshReply> IDoorService.RefreshAsync(IReadOnlyList<string> files, CancellationToken cancellationToken)
    {
        TransferStatistics notices = new();
        await _mount.TryMountAsync(notices, cancellationToken);
        Wire.RefreshReply reply = new() { Removed = { await _placeholders.RefreshAsync(files, cancellationToken) } };
        _placeholders.TakeNotices(notices);
        reply.Warnings.AddRange(notices.Notices.DistinctBy(notice => notice.Code).Select(notice => new Wire.Warning { Code = notice.Code, Message = notice.Message }));
        Volatile.Write(ref _lastUse, _time.GetTimestamp());
        return reply;
    }

    /// <inheritdoc/>
    Wire.StatusReply IDoorService.GetStatus()
    {
        Wire.StatusReply reply = new()
        {
            ProductVersion = RequesterOptions.ProductVersion,
            ProcessId = Environment.ProcessId,
            Running = (uint)Volatile.Read(ref _running),
            Completed = (ulong)Interlocked.Read(ref _completed),
            NotRun = (ulong)Interlocked.Read(ref _notRun),
            Cached = (ulong)Interlocked.Read(ref _cached),
            DigestCacheEntries = (ulong)_digests.Count,
            HydratedFiles = (ulong)_placeholders.Hydrated.DownloadedFiles,
            HydratedBytes = (ulong)_placeholders.Hydrated.DownloadedBytes,
        };
        reply.Workers.AddRange(_sessions.GetStatus());
        return reply;
    }

    /// <inheritdoc/>
    void IDoorService.Shutdown(bool force)
    {
        if (force)
        {
            _force.Cancel();
        }

        _stop.Cancel();
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    private async Task ServeAsync(FileStream doorLock, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration stop = cancellationToken.Register(() => ((IDoorService)this).Shutdown(true));
        Log.Started(_log, _options.DoorPath, RequesterOptions.ProductVersion);
        if (!_digests.IsPersistent)
        {
            Log.NotPersistent(_log, _options.CacheDirectory);
        }

        if (_placeholders.MayExist)
        {
            await _mount.TryMountAsync(new TransferStatistics(), cancellationToken); // before anybody asks what is there
        }

        await using (DoorServer door = new(_options.DoorPath, this, _log))
        {
            door.Start();
            await WaitForEndAsync();
            door.Close();
            await doorLock.DisposeAsync(); // the next one may open it while this one ends its actions
            await door.DrainAsync();
        }

        Log.Stopped(_log);
    }

    private async Task WaitForEndAsync()
    {
        using PeriodicTimer timer = new(IdleCheck, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                _telemetry.EndIdleBuilds();
                _history.Save(atOnce: false);

                // The next build starts one that knows what the settings file says now.
                if (Volatile.Read(ref _running) == 0
                    && (_time.GetElapsedTime(Volatile.Read(ref _lastUse)) >= _options.IdleTimeout || !_options.Plugins.IsCurrent))
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Asked to stop.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Serving {Door}, version {Version}")]
        public static partial void Started(ILogger log, string door, string version);

        [LoggerMessage(Level = LogLevel.Information, Message = "Stopped")]
        public static partial void Stopped(ILogger log);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Another process has the digest cache in {Directory}; what this one learns is not kept")]
        public static partial void NotPersistent(ILogger log, string directory);

        [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning}")]
        public static partial void PluginWarns(ILogger log, string warning);

        [LoggerMessage(Message = "{Action}: not run remotely: {Code} {Reason}")]
        public static partial void NotRun(ILogger log, LogLevel level, string action, string code, string reason);
    }
}
