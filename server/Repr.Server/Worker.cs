using System.IO.Compression;
using System.Net;
using System.Runtime.Versioning;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.EventLog;
using Repr.Cas;
using Repr.Farm;
using Repr.Plugins;
using Repr.Protocol;
using Repr.Server.Execution;
using Repr.Server.Peers;
using Repr.Server.Presence;
using Repr.Server.Reapi;
using Repr.Server.Results;
using Repr.Server.Results.Shared;
using Repr.Server.Scheduling;
using Repr.Server.Security;
using Repr.Server.Services;
using Repr.Server.Sessions;
using Repr.Server.Telemetry;
using Repr.Server.Warm;
using Repr.Telemetry;
using Repr.Workspaces;
using Repr.Workspaces.Windows;

namespace Repr.Server;

/// <summary>The worker: its composition root.</summary>
public static partial class Worker
{
    private const string EventSource = "Repr"; // as the installation of the service registers it
    private const int MaximumMessageBytes = 64 << 20;
    private static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(5);

    /// <summary>The same, for a worker that is no part of a farm of several.</summary>
    public static Task<int> RunAsync(WorkerOptions options, TextWriter output, TextWriter error, CancellationToken cancellationToken) =>
        RunAsync(options, output, error, joinFarm: null, cancellationToken);

    /// <summary>Runs a worker until it is cancelled or the process is asked to stop (SIGTERM, SIGINT).</summary>
    /// <param name="options">Settings.</param>
    /// <param name="output">Where the one line goes that says where it listens.</param>
    /// <param name="error">Where the lines go that say why it can't start.</param>
    /// <param name="joinFarm">Makes it a part of a farm of several workers; called only if the options name one.</param>
    /// <param name="cancellationToken">Stops the worker.</param>
    /// <returns>The process's exit code: 0, or 2 when it could not be started as configured.</returns>
    public static async Task<int> RunAsync(
        WorkerOptions options, TextWriter output, TextWriter error, JoinFarm? joinFarm, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(error);
        try
        {
            WorkerPlugins plugins = WorkerPlugins.Select(options);
            IReadOnlyList<string> problems = FindProblems(options, plugins);
            if (problems.Count > 0)
            {
                foreach (string problem in problems)
                {
                    await error.WriteLineAsync($"repr serve: {problem}");
                }

                return 2;
            }

            options = options with { Data = Path.GetFullPath(options.Data, Environment.CurrentDirectory) };
            await RunValidAsync(options, plugins, output, joinFarm, cancellationToken);
            return 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ReprException or ArgumentException)
        {
            await error.WriteLineAsync($"repr serve: {failure.Message}");
            return 2;
        }
    }

    /// <summary>Takes away the local users that workers of this machine made for their slots.</summary>
    /// <exception cref="ReprException">Windows refused.</exception>
    [SupportedOSPlatform("windows")]
    public static void RemoveSlotUsers() => SlotUsers.Remove();

    /// <summary>All that is wrong with the settings and the file that they name, one sentence each.</summary>
    /// <exception cref="ReprException">The settings file cannot be read.</exception>
    public static IReadOnlyList<string> FindProblems(WorkerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            return FindProblems(options, WorkerPlugins.Select(options));
        }
        catch (Exception failure) when (failure is ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, failure.Message, failure);
        }
    }

    private static IReadOnlyList<string> FindProblems(WorkerOptions options, WorkerPlugins plugins) =>
        [.. options.FindProblems(plugins.Tls.CertificateFile is not null, plugins.Authenticators.Count > 0), .. plugins.Problems];

    private static async Task RunValidAsync(
        WorkerOptions options, WorkerPlugins plugins, TextWriter output, JoinFarm? joinFarm, CancellationToken cancellationToken)
    {
        // Only the options count: a file in the working directory or a variable could open another address, past their checks; and the
        // defaults watch everything below the working directory.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Logging.AddConsole().AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error); // nothing here is protected by it
        AddEventLog(builder.Logging, options);
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = MaximumMessageBytes).AddServiceOptions<SessionsService>(sessions =>
        {
            sessions.ResponseCompressionAlgorithm = MessageCompression.Algorithm; // for whoever says that it reads it
            sessions.ResponseCompressionLevel = CompressionLevel.Fastest;
        });

        // Who may come in, the store, the workspaces: what can fail at start fails here, before anything listens.
        DataDirectory.Create(options.Data);
        using ILoggerFactory logging = LoggerFactory.Create(log => AddEventLog(log, options)
            .AddConsole()
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Orleans", LogLevel.Warning)
            .AddFilter("Orleans.Runtime.Silo", LogLevel.Error) // it warns of settings that are meant
            .AddFilter("Polly", LogLevel.Warning));
        await using CallerAuthenticators callers = new([.. plugins.Authenticators.Select(plugin => Create(plugin, logging))]);
        ServerTls? tls = plugins.Tls.CertificateFile is null
            ? null
            : ServerTls.Load(
                plugins.Tls, callers.All.Any(static caller => caller.UsesCertificates), TimeProvider.System, logging.CreateLogger("Repr.Tls"));
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Listen(kestrel, new Uri(options.Listen), tls));
        PeerContentStore? peers = plugins.Peers is { } connect ? new(endpoint => ConnectPeer(connect, endpoint, logging), logging.CreateLogger<PeerContentStore>()) : null;
        if (plugins.HasNothingForPeers)
        {
            Log.NothingForPeers(logging.CreateLogger<PeerContentStore>());
        }

        FarContentStore[] sharing = peers is null ? [] : [new FarContentStore("the farm's other workers", peers, IsGuarded: true)];
        await using ContentStores stores = await ContentStores.OpenAsync(
            new DiskContentStoreOptions { Path = Path.Combine(options.Data, "cas"), MaximumBytes = options.MaximumStoreBytes },
            [.. sharing, .. plugins.Stores.Select(plugin => new FarContentStore(plugin.Name, Create(plugin, logging)))],
            prefetch: true,
            TimeProvider.System,
            logging,
            cancellationToken);
        ResultFiles results = ResultFiles.Open(
            Path.Combine(options.Data, "action-cache"), options.MaximumActionCacheBytes, TimeProvider.System, logging.CreateLogger<ResultFiles>());
        ResultFiles knownResults = ResultFiles.Open(
            Path.Combine(options.Data, "results"), plugins.Results.MaximumBytes, TimeProvider.System, logging.CreateLogger<ResultFiles>());
        string staging = NewStaging(Path.Combine(options.Data, "staging"), logging.CreateLogger(typeof(Worker)));
        await using IWorkspaceProvider workspaces = await SelectWorkspacesAsync(options, staging, logging, cancellationToken);
        WorkerIdentity identity = await WorkerIdentities.LoadAsync(options, workspaces.Name, sharesContent: peers is not null, cancellationToken);
        SlotPool slots = new(options.Slots);
        using OwnerGate gate = new();
        using WorkerMetrics metrics = new(slots, stores.Disk, options.MaximumStoreBytes);
        await using TelemetrySinks sinks = await TelemetrySinks.StartAsync(
            [.. plugins.Telemetry.Select(plugin => new NamedSink(plugin.Name, () => Create(plugin, logging)))],
            new TelemetrySource(TelemetryNames.Worker, identity.ProductVersion, identity.WorkerId, TelemetryNames.Source, TelemetryNames.Source),
            TimeProvider.System,
            logging.CreateLogger<TelemetrySinks>());

        await using FarmNode? farm = options.Farm is null ? null : JoinFarm(options, plugins.Farm, identity, slots, gate, joinFarm, logging);
        if (farm is not null)
        {
            metrics.Watch(() => farm.View is { } view && view != FarmView.Empty ? view : null);
            builder.Services.AddSingleton(farm).AddSingleton<IHostLifetime>(services =>
                ActivatorUtilities.CreateInstance<DrainingLifetime>(services, TimeSpan.FromSeconds(options.FarmDrainSeconds), cancellationToken));
        }

        builder.Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton<ILocalContentStore>(new MeasuredContentStore(stores.Store, metrics))
            .AddSingleton(services => new StoreInstances(services.GetRequiredService<ILocalContentStore>(), stores.Disk))
            .AddSingleton(workspaces)
            .AddSingleton(identity)
            .AddSingleton(slots)
            .AddSingleton(gate)
            .AddSingleton(metrics)
            .AddSingleton(new WorkerTelemetry(metrics, sinks, TimeProvider.System))
            .AddSingleton<InputSets>()
            .AddSingleton<ExpectedInputs>()
            .AddSingleton(services => ActivatorUtilities.CreateInstance<WarmTools>(
                services, staging, new WarmToolOptions(TimeSpan.FromMinutes(options.WarmToolMinutes), options.WarmToolBytes)))
            .AddSingleton(services => ActivatorUtilities.CreateInstance<ActionExecutor>(services, staging))
            .AddResultCache(plugins.Results, knownResults, peers is null ? default : plugins.Farm.KeyOf(options.Farm!), plugins.Farm.SharesResults ? peers : null)
            .AddCallers(callers)
            .AddHealth(TakesActions)
            .AddReapi(results);
        if (options.ReapiExecution)
        {
            builder.Services.AddReapiExecution(
                SystemPaths.Find(options.ReapiSystemPaths.Count > 0 ? options.ReapiSystemPaths : SystemPaths.Default),
                new PlatformProperties(options.ReapiPlatform),
                staging);
        }

        await using WebApplication application = builder.Build();
        application.UseAuthentication();
        application.UseAuthorization();
        application.MapGrpcService<SessionsService>();
        application.MapReapi();
        application.MapHealth();
        if (farm is not null)
        {
            application.MapGrpcService<FarmService>();
        }

        await using OwnerWatch? owner = options.OnlyWhenIdle ? await WatchOwnerAsync(options, application.Services, logging, cancellationToken) : null;
        await application.StartAsync(cancellationToken);
        await using IAsyncDisposable? health = options.HealthListen is { } place ? await HealthEndpoints.ListenAsync(new Uri(place), TakesActions, cancellationToken) : null;
        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        if (farm is not null)
        {
            string self = (options.FarmAdvertise ?? address).TrimEnd('/');
            peers?.Follow(() => farm.View, self);
            application.Services.GetRequiredService<FarmKnowledge>().Found += finding => finding.Report(farm);
            farm.Start(self);
        }

        await output.WriteLineAsync($"Repr worker listens on {address} (workspace: {workspaces.Name}, slots: {options.Slots}, data: {options.Data})");
        if (options.PortFile is { } portFile)
        {
            string temporary = portFile + ".tmp";
            await File.WriteAllTextAsync(temporary, address, cancellationToken);
            File.Move(temporary, portFile, overwrite: true);
        }

        await application.WaitForShutdownAsync(farm is null ? cancellationToken : CancellationToken.None);

        bool TakesActions() => gate.IsOpen && farm is not { IsDraining: true };
    }

    private static ILoggingBuilder AddEventLog(ILoggingBuilder log, WorkerOptions options)
    {
        if (OperatingSystem.IsWindows() && options.LogsEvents)
        {
            log.AddEventLog(new EventLogSettings { SourceName = EventSource }).AddFilter<EventLogLoggerProvider>(null, LogLevel.Warning);
        }

        return log;
    }

    private static FarmNode JoinFarm(
        WorkerOptions options, FarmOptions farm, WorkerIdentity identity, SlotPool slots, OwnerGate gate, JoinFarm? joinFarm, ILoggerFactory logging)
    {
        IPEndPoint listen = options.FarmListen is { } given ? IPEndPoint.Parse(given) : new IPEndPoint(IPAddress.Parse(new Uri(options.Listen).Host.Trim('[', ']')), 0);
        PoolOptions pool = farm.ToPool(options.Farm!);
        IScheduler scheduler = options.Farm == WorkerOptions.LocalFarm
            ? new LocalScheduler(pool, TimeProvider.System)
            : (joinFarm ?? throw new ArgumentException("--farm: this worker knows no farm but 'local'."))(
                new FarmEngine(new Uri(options.Farm!), farm.Password, identity.WorkerId, listen, pool, logging));
        return new FarmNode(identity, slots, gate, farm, pool, scheduler, TimeProvider.System, logging.CreateLogger<FarmNode>());
    }

    private static async Task<OwnerWatch> WatchOwnerAsync(
        WorkerOptions options, IServiceProvider services, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        FarmNode? farm = services.GetService<FarmNode>();
        OwnerWatch watch = new(
            await Presences.FindAsync(options.IdleLoad > 0, TimeProvider.System, cancellationToken),
            new ProcessorUse(),
            new IdleRule(TimeSpan.FromSeconds(options.IdleSeconds), options.IdleLoad),
            services.GetRequiredService<OwnerGate>(),
            token => farm?.SayAsync(token) ?? Task.CompletedTask,
            services.GetRequiredService<WarmTools>().EndIdleAsync,
            TimeProvider.System,
            logging.CreateLogger<OwnerWatch>());
        await watch.StartAsync(cancellationToken);
        return watch;
    }

    private static PeerConnection ConnectPeer(
        Func<IReadOnlyDictionary<string, string?>, PluginContext, IContentStore> connect, string endpoint, ILoggerFactory logging)
    {
        ILogger logger = logging.CreateLogger<PeerContentStore>();
        IContentStore disk = connect(WorkerPlugins.PeerOptions(endpoint), new PluginContext(TimeProvider.System, warning => Log.PluginWarns(logger, warning)));
        return new PeerConnection(ContentStores.Guard(new FarContentStore($"worker {endpoint}", disk), TimeProvider.System, logger), disk);
    }

    private static TService Create<TService>(SelectedPlugin<TService> plugin, ILoggerFactory logging)
        where TService : class
    {
        ILogger logger = logging.CreateLogger("Repr.Plugins." + plugin.Name);
        return plugin.Create(new PluginContext(TimeProvider.System, warning => Log.PluginWarns(logger, warning)));
    }

    /// <summary>
    /// A directory for the actions of this run. What a killed worker left is removed, but not relied on to be gone: its last
    /// processes may still be dying in there.
    /// </summary>
    private static string NewStaging(string root, ILogger logger)
    {
        Directory.CreateDirectory(root);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute); // requesters' files are nobody else's
        }

        foreach (string left in Directory.EnumerateDirectories(root))
        {
            try
            {
                StagingDirectory.Delete(left);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                Log.StagingLeft(logger, left, failure.Message);
            }
        }

        return Directory.CreateDirectory(Path.Combine(root, Guid.NewGuid().ToString("N"))).FullName;
    }

    private static async Task<IWorkspaceProvider> SelectWorkspacesAsync(
        WorkerOptions options, string staging, ILoggerFactory logging, CancellationToken cancellationToken)
    {
        string name = options.Workspace;
        IWorkspaceProvider provider = await WorkspaceProviders.CreateAsync(
            name, options.ForWindows(staging), TimeProvider.System, logging.CreateLogger(typeof(WorkspaceProviders)), cancellationToken);
        if (provider.WhyUnavailable is not { } reason)
        {
            return provider;
        }

        await provider.DisposeAsync();
        string offer = name == WorkspaceProviders.Fuse
            ? " '--workspace copying' does without FUSE, but only for actions that name every directory they read, which compiles do not."
            : "";
        throw new ReprException(ReprErrorCode.Unavailable, $"--workspace: '{name}' cannot be used here. {reason}{offer}");
    }

    private static void Listen(KestrelServerOptions kestrel, Uri address, ServerTls? tls)
    {
        // A requester that is frozen or gone without a word is noticed by pings; its actions are stopped then.
        kestrel.Limits.Http2.KeepAlivePingDelay = PingDelay;
        kestrel.Limits.Http2.KeepAlivePingTimeout = PingTimeout;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        kestrel.Limits.Http2.InitialConnectionWindowSize = 8 << 20;
        kestrel.Limits.Http2.InitialStreamWindowSize = 4 << 20;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Listen(IPAddress.Parse(address.Host.Trim('[', ']')), address.Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            tls?.Use(listen);
        });
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "'{Directory}', left by an earlier run, can't be removed now: {Reason}")]
        public static partial void StagingLeft(ILogger logger, string directory, string reason);

        [LoggerMessage(LogLevel.Warning, "The workers of this farm give each other no content: callers are authenticated, and the section Peers of the settings has nothing to show to the others")]
        public static partial void NothingForPeers(ILogger logger);

        [LoggerMessage(LogLevel.Warning, "{Warning}")]
        public static partial void PluginWarns(ILogger logger, string warning);
    }
}
