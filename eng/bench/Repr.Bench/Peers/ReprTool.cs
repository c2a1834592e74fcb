using System.Globalization;
using System.Text.Json;

namespace Repr.Bench.Peers;

/// <summary>Repr: <c>repr exec</c>, the requester process, a worker.</summary>
internal sealed class ReprTool : Tool
{
    private readonly string _program;
    private readonly string _records;
    private readonly Dictionary<string, string> _environment;
    private int _run;

    private ReprTool(string program, string endpoint, string state, string runtime)
        : base("repr", program + " exec --")
    {
        _program = program;
        Endpoint = new Uri(endpoint);
        _records = Path.Combine(state, "cache/records");
        _environment = new(StringComparer.Ordinal)
        {
            ["REPR_ENDPOINT"] = endpoint,
            ["REPR_CACHE_DIR"] = Path.Combine(state, "cache"),
            ["REPR_RUNTIME_DIR"] = runtime,
        };
        string? root = System.Environment.GetEnvironmentVariable("DOTNET_ROOT");
        if (root is not null)
        {
            _environment["DOTNET_ROOT"] = root;
        }
    }

    /// <summary>Where the worker listens.</summary>
    public Uri Endpoint { get; }

    /// <summary>First everything is asked back or mapped from what is generally known, then from what the first run looked at.</summary>
    public override int Runs => 2;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Environment => _environment;

    /// <summary>The build record of the run.</summary>
    public string Record => Path.Combine(_records, _environment["REPR_BUILD_ID"] + ".jsonl");

    /// <summary>Starts the worker.</summary>
    public static async Task<ReprTool> StartAsync(
        PeerOptions options, ControlGroup workers, WorkerNetwork network, string runtime, CancellationToken cancellationToken)
    {
        string state = Path.Combine(options.State, "repr");
        string port = Path.Combine(state, "port");
        Directory.CreateDirectory(state);
        await Daemon.StartAsync(
            workers,
            Path.Combine(state, "worker.log"),
            new Dictionary<string, string>(),
            [
                .. network.CommandPrefix, options.Repr, "serve", "--listen", "http://0.0.0.0:0", // for the second machine too
                "--slots", options.Slots.ToString(CultureInfo.InvariantCulture), "--data", Path.Combine(state, "data"), "--port-file", port, "--dangerously-allow-anyone",
            ],
            () => File.Exists(port),
            cancellationToken);
        Uri listening = new((await File.ReadAllTextAsync(port, cancellationToken)).Trim());
        string endpoint = string.Create(CultureInfo.InvariantCulture, $"http://{WorkerNetwork.WorkerAddress}:{listening.Port}");
        return new ReprTool(options.Repr, endpoint, state, runtime);
    }

    /// <summary>The same worker, for another machine with a requester process of its own.</summary>
    /// <param name="address">How that machine reaches it.</param>
    /// <param name="state">Where its files go.</param>
    /// <param name="runtime">Its runtime directory.</param>
    public ReprTool From(string address, string state, string runtime) =>
        new(_program, string.Create(CultureInfo.InvariantCulture, $"http://{address}:{Endpoint.Port}"), state, runtime);

    /// <inheritdoc/>
    public override Task BeginAsync(CancellationToken cancellationToken)
    {
        _environment["REPR_BUILD_ID"] = string.Create(CultureInfo.InvariantCulture, $"bench-{++_run}");
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override async Task<Placement> EndAsync(CancellationToken cancellationToken)
    {
        string[] lines = File.Exists(Record) ? await File.ReadAllLinesAsync(Record, cancellationToken) : [];
        int remote = 0;
        List<string> codes = [];
        foreach (string line in lines)
        {
            using JsonDocument record = JsonDocument.Parse(line);
            if (record.RootElement.GetProperty("outcome").GetString() == "remote")
            {
                remote++;
            }
            else
            {
                codes.Add(record.RootElement.TryGetProperty("code", out JsonElement code) ? code.GetString() ?? "?" : "?");
            }
        }

        return new Placement(remote, codes.Count > 0 ? string.Join(' ', codes.Distinct()) : null);
    }
}
