using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Requester.Actions;
using Repr.Requester.Discovery;
using Repr.Requester.Farm;
using Repr.Requester.Files;
using Repr.Requester.Placeholders;
using Repr.Requester.Placement;
using Repr.Requester.Predictors;
using Repr.Requester.Sessions;
using Repr.Requester.Telemetry;
using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests;

/// <summary>The requester without its door, on real files, against a <see cref="TestWorker"/>.</summary>
internal sealed class RequesterFixture : IAsyncDisposable
{
    private readonly RequesterTelemetry _telemetry;

    private RequesterFixture(TestWorker worker, TemporaryDirectory files, RequesterTelemetry telemetry, IWorkerDiscovery[] discovery, TimeSpan? retryBudget, PlacementSettings placement, TimeProvider? clock, IContentStore? kept)
    {
        Worker = worker;
        Files = files;
        _telemetry = telemetry;
        Slow = new SlowWorkers(clock ?? TimeProvider.System);
        Directory.CreateDirectory(Files.At("src"));
        Directory.CreateDirectory(Files.At("obj"));
        Options = new RequesterOptions { DoorPath = Files.At("door"), CacheDirectory = Files.At("cache") };
        Options = Options with { RetryBudget = retryBudget ?? Options.RetryBudget };
        Directory.CreateDirectory(Options.CacheDirectory);
        Placeholders = new PlaceholderContents(
            Files.At("content"),
            Options.CacheDirectory,
            new PlaceholderWorkers(Path.Combine(Options.CacheDirectory, "placeholder-workers")),
            async (endpoint, token) => (await Sessions!.GetAsync(endpoint, token)).Downloader,
            kept: null,
            NullLogger.Instance);
        Mount = new PlaceholderMount(
            Files.At("content"),
            Placeholders,
            (_, _, _, _) => MountFailure is null ? Task.FromResult<IAsyncDisposable>(new FileStream(Files.At("mounted"), FileMode.Create)) : throw new IOException(MountFailure),
            NullLogger.Instance);
        Digests = new DigestCache(Path.Combine(Options.CacheDirectory, "digests-v1"), TimeProvider.System) { Placeholders = Placeholders };
        Sessions = new WorkerSessions(Options, Digests, kept, shared: null, TimeProvider.System);
        NamedDiscovery[] sources = [.. discovery.Select(static source => new NamedDiscovery("test", source))];
        Workers = new WorkerPool(Sessions, new DiscoveredWorkers(sources, TimeProvider.System, NullLogger.Instance), Slow, settings: null, NullLogger.Instance);
        History = new WorkHistory(null, TimeProvider.System);
        Farms = new FarmWorkers(
            new FarmSettings(),
            endpoint =>
            {
                FarmMembers members = new(FarmEndpoint.SeedOf(endpoint));
                DiscoveredWorkers found = new([new NamedDiscovery("farm", members)], TimeProvider.System, NullLogger.Instance);
                return new JoinedFarm(
                    new FarmLeases(Options, found, members, TimeProvider.System, NullLogger.Instance),
                    new WorkerPool(Sessions, found, Slow, settings: null, NullLogger.Instance));
            },
            History,
            Slow,
            NullLogger.Instance);
        PredictionStore predictions = new(Path.Combine(Options.CacheDirectory, "predictions"), Predictors);
        LocalMachine machine = new(placement.LocalSlots, () => Load, TimeProvider.System);
        RaceGovernor governor = new(placement.RaceShare, placement.RacesAtOnce);
        Placer placer = new(History, machine, TimeProvider.System);
        OutputWriter writer = new(Digests, Mount);
        InputMapper mapper = new(Digests, new SharedMapper(Digests, Watch), TimeProvider.System);
        KeptResults results = new(kept, writer, mapper, clock ?? TimeProvider.System);
        WorkerRuns runs = new(predictions, Farms, Digests, writer, results, History, placer, TimeProvider.System);
        Runner = new ActionRunner(
            Options,
            Workers,
            Farms,
            mapper,
            predictions,
            results,
            Predictors,
            placer,
            new ActionRace(runs, Workers, Farms, Slow, History, machine, governor, TimeProvider.System, NullLogger.Instance),
            governor,
            telemetry,
            TimeProvider.System,
            NullLogger.Instance);
    }

    public static InputPredictors Predictors { get; } = new([], NullLogger.Instance);

    public TestWorker Worker { get; }

    public TemporaryDirectory Files { get; }

    public RequesterOptions Options { get; }

    public DigestCache Digests { get; }

    public TreeWatch? Watch { get; } = TreeWatch.TryCreate();

    public PlaceholderContents Placeholders { get; }

    public PlaceholderMount Mount { get; }

    public string? MountFailure { get; set; }

    public WorkerSessions Sessions { get; }

    public WorkerPool Workers { get; }

    public FarmWorkers Farms { get; }

    public SlowWorkers Slow { get; }

    public WorkHistory History { get; }

    /// <summary>What this machine does, as far as the requester knows.</summary>
    public LocalLoad Load { get; set; } = new(0, 0, long.MaxValue);

    public ActionRunner Runner { get; }

    public string Text { get; private set; } = "";

    public Channel<ToolInput> Input { get; } = Channel.CreateUnbounded<ToolInput>();

    public static async Task<RequesterFixture> StartAsync(IWorkerDiscovery[]? discovery = null, TimeSpan? retryBudget = null, PlacementSettings? placement = null, TimeProvider? clock = null, IContentStore? kept = null, params NamedSink[] sinks)
    {
        TemporaryDirectory files = new();
        return new(
            await TestWorker.StartAsync(),
            files,
            await RequesterTelemetry.StartAsync(files.At("cache/records"), sinks, TimeProvider.System, NullLogger.Instance),
            discovery ?? [],
            retryBudget,
            placement ?? new PlacementSettings(),
            clock,
            kept);
    }

    public Wire.Run NewRun()
    {
        Wire.Run run = new()
        {
            Endpoint = Worker.Endpoint.ToString(),
            Command = new Wire.Command { WorkingDirectory = Files.At("src") },
            Description = "Tool test",
            PredictionKey = "test",
            BuildId = "build-1",
        };
        run.Command.Arguments.Add(OperatingSystem.IsWindows() ? Path.Combine(Environment.SystemDirectory, "cmd.exe") : "/bin/sh");
        run.OutputFiles.Add(Files.At("obj/out"));
        run.ReadRoots.Add(Files.At("src"));
        return run;
    }

    public async Task<Wire.DoorReply> RunAsync(Wire.Run run, CancellationToken cancellationToken, AnnouncedRun? announced = null) => await Runner.RunAsync(
        run,
        announced,
        text =>
        {
            Text += text.Data.ToStringUtf8();
            return ValueTask.CompletedTask;
        },
        Input.Reader,
        cancellationToken,
        CancellationToken.None);

    public Task<Wire.DoorReply> CompleteAsync(Wire.Run run) => RunAsync(run, TestContext.Current.CancellationToken);

    public Wire.Completed Succeed(params (string Path, string Content)[] outputs)
    {
        Wire.Completed completed = new() { Exit = new Wire.Exit { Code = 0 } };
        foreach ((string path, string content) in outputs)
        {
            Digest digest = Worker.Put(System.Text.Encoding.UTF8.GetBytes(content));
            completed.Outputs.Add(Protocol.WireConversions.ToWire(new FileOutput(VirtualPath.Parse(path), digest, 0x1ED)));
        }

        return completed;
    }

    public async ValueTask DisposeAsync()
    {
        await Mount.DisposeAsync();
        await Farms.DisposeAsync();
        await Workers.DisposeAsync();
        await Sessions.DisposeAsync();
        await _telemetry.DisposeAsync();
        Digests.Dispose();
        Watch?.Dispose();
        await Worker.DisposeAsync();
        Files.Dispose();
    }
}
