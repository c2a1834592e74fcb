using Repr.Bench;
using Repr.Cases.Tools;

namespace Repr.Cases;

/// <summary>The tools of a run with their daemons. Disposing it ends them.</summary>
internal sealed class Toolbox : IAsyncDisposable
{
    private readonly List<Tool> _tools = [];
    private readonly ControlGroup _worker = ControlGroup.Create("worker");
    private readonly ControlGroup _scheduler = ControlGroup.Create("scheduler");
    private readonly string _runtime = Directory.CreateTempSubdirectory("repr-cases-").FullName; // short: it holds a socket
    private WorkerNetwork? _network;

    private Toolbox()
    {
    }

    /// <summary>All of them, in the order of the options.</summary>
    public IReadOnlyList<Tool> Tools => _tools;

    /// <summary>Where everything of the requester's side runs and is counted.</summary>
    public ControlGroup Requester { get; } = ControlGroup.Create("requester");

    /// <summary>Between the requester's side and the workers.</summary>
    public WorkerNetwork Network => _network!;

    /// <summary>Starts them.</summary>
    /// <exception cref="BenchException">One does not start.</exception>
    public static async Task<Toolbox> StartAsync(CasesOptions options, CancellationToken cancellationToken)
    {
        Toolbox box = new();
        try
        {
            box._network = await WorkerNetwork.CreateAsync(cancellationToken);
            if (options.Tools.Intersect(["distcc", "pump"]).Any())
            {
                await DistccTool.StartWorkerAsync(options, box._worker, box._network, cancellationToken);
            }

            foreach (string name in options.Tools)
            {
                box._tools.Add(name switch
                {
                    "repr" => await ReprTool.StartAsync(options, box._worker, box._network, box._runtime, cancellationToken),
                    "distcc" => new DistccTool(options, null),
                    "pump" => new DistccTool(options, box.Requester),
                    "icecc" => await IceccTool.StartAsync(
                        options, box._scheduler, box.Requester, box._worker, box._network, cancellationToken),
                    _ => new CcacheTool(options),
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
        await _worker.DisposeAsync();
        await _scheduler.DisposeAsync();
        foreach (IAsyncDisposable tool in _tools.OfType<IAsyncDisposable>())
        {
            await tool.DisposeAsync();
        }

        if (_network is not null)
        {
            await _network.DisposeAsync();
        }

        Directory.Delete(_runtime, recursive: true);
    }
}
