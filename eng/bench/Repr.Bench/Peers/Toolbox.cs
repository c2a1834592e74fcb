namespace Repr.Bench.Peers;

/// <summary>The tools of a run with their daemons. Disposing it ends them.</summary>
internal sealed class Toolbox : IAsyncDisposable
{
    private readonly List<Tool> _tools = [];
    private readonly ControlGroup _scheduler = ControlGroup.Create("scheduler");
    private readonly string _runtime = Directory.CreateTempSubdirectory("repr-bench-").FullName; // short: it holds a socket
    private WorkerNetwork? _network;

    private Toolbox()
    {
    }

    /// <summary>The names of all tools. What ends with "-cold" is the cache of that name, for builds that shall find nothing in it.</summary>
    public static IReadOnlyList<string> All { get; } =
        ["repr", "distcc", "pump", "icecc", "ccache", "ccache-cold", "sccache", "sccache-cold"];

    /// <summary>All of them, in the order of the options.</summary>
    public IReadOnlyList<Tool> Tools => _tools;

    /// <summary>Where everything of the requester's side runs and is counted.</summary>
    public ControlGroup Requester { get; } = ControlGroup.Create("requester");

    /// <summary>Where the workers run and are counted, with their tools.</summary>
    public ControlGroup Worker { get; } = ControlGroup.Create("worker");

    /// <summary>Between the requester's side and the workers.</summary>
    public WorkerNetwork Network => _network!;

    /// <summary>Starts them.</summary>
    /// <exception cref="BenchException">One does not start.</exception>
    public static async Task<Toolbox> StartAsync(PeerOptions options, CancellationToken cancellationToken)
    {
        Toolbox box = new();
        try
        {
            Directory.CreateDirectory(options.State);
            box._network = await WorkerNetwork.CreateAsync(options.RoundTrip, cancellationToken);
            if (options.Tools.Intersect(["distcc", "pump"]).Any())
            {
                await DistccTool.StartWorkerAsync(options, box.Worker, box._network, cancellationToken);
            }

            foreach (string name in options.Tools)
            {
                box._tools.Add(name switch
                {
                    "repr" => await ReprTool.StartAsync(options, box.Worker, box._network, box._runtime, cancellationToken),
                    "distcc" => new DistccTool(options, null),
                    "pump" => new DistccTool(options, box.Requester),
                    "icecc" => await IceccTool.StartAsync(
                        options, box._scheduler, box.Requester, box.Worker, box._network, cancellationToken),
                    "sccache" or "sccache-cold" => new SccacheTool(options, name, box.Requester),
                    "ccache" or "ccache-cold" => new CcacheTool(options, name),
                    _ => throw new ArgumentException($"No tool is called '{name}'.", nameof(options)),
                });
            }

            return box;
        }
        catch
        {
            await box.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Requester.DisposeAsync();
        await Worker.DisposeAsync();
        await _scheduler.DisposeAsync();
        foreach (IAsyncDisposable tool in _tools.OfType<IAsyncDisposable>())
        {
            await tool.DisposeAsync();
        }

        if (_network is not null)
        {
            await _network.DisposeAsync();
        }

        if (Directory.Exists(_runtime))
        {
            Directory.Delete(_runtime, recursive: true);
        }
    }
}
