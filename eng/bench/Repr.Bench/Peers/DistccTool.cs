using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Repr.Bench.Peers;

/// <summary>distcc, plain or with the include server of its pump mode.</summary>
internal sealed partial class DistccTool : Tool, IAsyncDisposable
{
    private const string Port = "3632";

    private readonly Dictionary<string, string> _environment;
    private readonly string _state;
    private readonly string _includeServer;
    private readonly ControlGroup? _pump;

    /// <summary>Describes it; the daemon of <see cref="StartWorkerAsync"/> serves both modes.</summary>
    /// <param name="options">Where its files go.</param>
    /// <param name="pump">Where the include server is counted; null: plain mode.</param>
    public DistccTool(PeerOptions options, ControlGroup? pump)
        : base(pump is null ? "distcc" : "pump", "distcc")
    {
        _pump = pump;
        _state = Path.Combine(options.State, Name);
        _includeServer = options.IncludeServer;
        _environment = new(StringComparer.Ordinal)
        {
            ["DISTCC_HOSTS"] = string.Create(CultureInfo.InvariantCulture, $"{WorkerNetwork.WorkerAddress}:{Port}/{options.Slots}{(pump is null ? string.Empty : ",cpp,lzo")}"),
            ["DISTCC_DIR"] = Path.Combine(_state, "home"),
            ["DISTCC_LOG"] = Path.Combine(_state, "log"),
            ["DISTCC_VERBOSE"] = "1",
            ["DISTCC_BACKOFF_PERIOD"] = "0", // else a compile that fails sends all that follow to this machine, for a minute
        };
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Environment => _environment;

    private string ProcessFile => Path.Combine(_state, "pid");

    /// <summary>Starts the daemon in the workers' network.</summary>
    public static Task StartWorkerAsync(
        PeerOptions options, ControlGroup workers, WorkerNetwork network, CancellationToken cancellationToken)
    {
        string log = Path.Combine(options.State, "distccd.log");
        return Daemon.StartAsync(
            workers,
            log,
            new Dictionary<string, string>(),
            [
                .. network.CommandPrefix, "distccd", "--daemon", "--no-detach", "--port", Port, "--jobs", options.Slots.ToString(CultureInfo.InvariantCulture),
                "--allow", WorkerNetwork.RequesterAddress + "/30", "--enable-tcp-insecure", "--log-stderr",
            ],
            IsListening,
            cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task BeginAsync(CancellationToken cancellationToken)
    {
        Stop();
        Directory.CreateDirectory(_environment["DISTCC_DIR"]);
        File.Delete(_environment["DISTCC_LOG"]);
        if (_pump is not null)
        {
            // A fresh include server for each case: one that met a failure demotes itself to the plain mode.
            string directory = Directory.CreateTempSubdirectory("repr-pump-").FullName; // the socket's directory also keeps a counter
            string socket = Path.Combine(directory, "socket");
            _environment["INCLUDE_SERVER_PORT"] = socket;
            await Daemon.StartAsync(
                _pump,
                Path.Combine(_state, "include-server.log"),
                new Dictionary<string, string> { ["PYTHONOPTIMIZE"] = "1" },
                ["/usr/bin/python3", _includeServer, "--port", socket, "--pid_file", ProcessFile, "-d1"],
                () => File.Exists(socket) && File.Exists(ProcessFile),
                cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override async Task<Placement> EndAsync(CancellationToken cancellationToken)
    {
        // "distcc[123] compile a.c on 198.18.41.2:3632/4 completed ok", "distcc[123] (...) Warning: ... retrying locally"
        string log = _environment["DISTCC_LOG"];
        string text = File.Exists(log) ? await File.ReadAllTextAsync(log, cancellationToken) : string.Empty;
        int remote = Remote().Count(text);
        int failed = Regex.Count(text, "retrying locally");
        int plain = _pump is null ? 0 : Regex.Count(text, "preprocessing locally");
        string?[] notes =
        [
            failed > 0 ? $"{failed} failed there, then local" : null,
            plain > 0 ? $"{plain} preprocessed locally" : null,
        ];
        string note = string.Join(", ", notes.OfType<string>());
        return new Placement(remote, note.Length > 0 ? note : null);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Stop();
        return ValueTask.CompletedTask;
    }

    private static bool IsListening()
    {
        using TcpClient client = new();
        try
        {
            client.Connect(WorkerNetwork.WorkerAddress, int.Parse(Port, CultureInfo.InvariantCulture));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Stop()
    {
        if (File.Exists(ProcessFile))
        {
            int id = int.Parse(File.ReadAllText(ProcessFile), CultureInfo.InvariantCulture);
            File.Delete(ProcessFile);
            try
            {
                using System.Diagnostics.Process process = System.Diagnostics.Process.GetProcessById(id);
                process.Kill();
            }
            catch (ArgumentException)
            {
                // It has ended.
            }
        }

        if (_environment.Remove("INCLUDE_SERVER_PORT", out string? socket))
        {
            Directory.Delete(Path.GetDirectoryName(socket)!, recursive: true);
        }
    }

    [GeneratedRegex(@"^distcc\[\d+\] compile .* on 198\.18\.41\.2\S* completed ok$", RegexOptions.Multiline)]
    private static partial Regex Remote();
}
