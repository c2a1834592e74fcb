using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Repr.Bench.Peers;

/// <summary>
/// sccache with a cache on the disk of the requester's side, and a server of its own. It never runs anything remotely: what is counted is
/// what comes from its cache.
/// </summary>
/// <param name="options">Where its files go.</param>
/// <param name="name">Its name here.</param>
/// <param name="group">Where its server is counted, and ends.</param>
internal sealed class SccacheTool(PeerOptions options, string name, ControlGroup group) : Tool(name, "sccache")
{
    private readonly Dictionary<string, string> _environment = new(StringComparer.Ordinal)
    {
        ["SCCACHE_DIR"] = Path.Combine(options.State, name),
        ["SCCACHE_SERVER_PORT"] = FreePort(),
        ["SCCACHE_IDLE_TIMEOUT"] = "0",
    };

    private bool _isRunning;
    private int _hits;

    /// <inheritdoc/>
    public override int Runs => 2;

    /// <inheritdoc/>
    public override bool IsCache => true;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Environment => _environment;

    /// <inheritdoc/>
    public override async Task ForgetAsync(CancellationToken cancellationToken)
    {
        if (_isRunning)
        {
            await CallAsync(cancellationToken, "--stop-server");
            _isRunning = false;
        }

        if (Directory.Exists(_environment["SCCACHE_DIR"]))
        {
            Directory.Delete(_environment["SCCACHE_DIR"], recursive: true);
        }
    }

    /// <inheritdoc/>
    public override async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (!_isRunning)
        {
            Directory.CreateDirectory(_environment["SCCACHE_DIR"]);
            await CallAsync(cancellationToken, "--start-server");
            _isRunning = true;
        }

        _hits = await CountHitsAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<Placement> EndAsync(CancellationToken cancellationToken) =>
        new(await CountHitsAsync(cancellationToken) - _hits, null);

    // {"stats":{"cache_hits":{"counts":{"C/C++":12},...},...},...}
    private async Task<int> CountHitsAsync(CancellationToken cancellationToken)
    {
        using JsonDocument answer = JsonDocument.Parse(await CallAsync(cancellationToken, "--show-stats", "--stats-format", "json"));
        return answer.RootElement.GetProperty("stats").GetProperty("cache_hits").GetProperty("counts")
            .EnumerateObject().Sum(language => language.Value.GetInt32());
    }

    // The server must not inherit a pipe: it would stay open as long as the server lives.
    private async Task<string> CallAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        string text = Path.Combine(options.State, Name + "-answer");
        System.Diagnostics.ProcessStartInfo start = group.StartOf(
            "/bin/sh", ["-c", "exec sccache \"$@\" </dev/null >\"$0\" 2>\"$0.error\"", text, .. arguments]);
        SetEnvironment(start, this);
        ChildProcess run = await ChildProcess.RunAsync(start, cancellationToken);
        return run.ExitCode == 0
            ? await File.ReadAllTextAsync(text, cancellationToken)
            : throw new BenchException(
                $"`sccache {string.Join(' ', arguments)}` says: {(await File.ReadAllTextAsync(text + ".error", cancellationToken)).Trim()}");
    }

    private static string FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port.ToString(CultureInfo.InvariantCulture);
    }
}
