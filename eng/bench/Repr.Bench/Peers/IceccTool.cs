using System.Globalization;
using System.Text.RegularExpressions;

namespace Repr.Bench.Peers;

/// <summary>icecc: a scheduler and a daemon on the requester's side, a daemon on the worker's.</summary>
internal sealed partial class IceccTool : Tool, IAsyncDisposable
{
    private const string Port = "8765";
    private const string Network = "repr-bench";

    private readonly Dictionary<string, string> _environment;
    private readonly string _state;

    private IceccTool(string state)
        : base("icecc", "icecc")
    {
        _state = state;
        _environment = new(StringComparer.Ordinal)
        {
            ["ICECC_TEST_SOCKET"] = Path.Combine(state, "requester.socket"),
            ["ICECC_DEBUG"] = "debug",
            ["ICECC_LOGFILE"] = Path.Combine(state, "log"),
            ["ICECC_PREFERRED_HOST"] = "worker", // else small compiles stay here
        };
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Environment => _environment;

    /// <summary>Starts the three and waits until the scheduler knows both daemons.</summary>
    public static async Task<IceccTool> StartAsync(
        PeerOptions options,
        ControlGroup scheduler,
        ControlGroup requester,
        ControlGroup workers,
        WorkerNetwork network,
        CancellationToken cancellationToken)
    {
        string state = Directory.CreateTempSubdirectory("repr-icecc-").FullName; // its own user, icecc, must reach it
        ChildProcess owner = await ChildProcess.RunAsync(
            "install", ["-d", "-o", "icecc", state, state + "/requester", state + "/worker"], cancellationToken);
        if (owner.ExitCode != 0)
        {
            throw new BenchException($"The package icecc makes a user 'icecc': {owner.Output.Trim()}");
        }

        File.SetUnixFileMode(state, (UnixFileMode)0b111_111_111);
        string log = Path.Combine(state, "scheduler.log");
        Dictionary<string, string> none = [];
        await Daemon.StartAsync(
            scheduler, Path.Combine(options.State, "icecc-scheduler.log"), none,
            ["icecc-scheduler", "-n", Network, "-p", Port, "-l", log, "-vvv"], () => File.Exists(log), cancellationToken);
        string[] daemon = ["iceccd", "-n", Network, "-s", $"{WorkerNetwork.RequesterAddress}:{Port}"];
        await Daemon.StartAsync(
            requester, Path.Combine(options.State, "iceccd-requester.log"),
            new Dictionary<string, string> { ["ICECC_TEST_SOCKET"] = Path.Combine(state, "requester.socket") },
            [.. daemon, "-m", "1", "--no-remote", "-N", "requester", "-b", Path.Combine(state, "requester")],
            () => LogSays(log, "login requester"), cancellationToken);
        await Daemon.StartAsync(
            workers, Path.Combine(options.State, "iceccd-worker.log"),
            new Dictionary<string, string> { ["ICECC_TEST_SOCKET"] = Path.Combine(state, "worker.socket") },
            [.. network.CommandPrefix, .. daemon, "-m", options.Slots.ToString(CultureInfo.InvariantCulture), "-N", "worker", "-b", Path.Combine(state, "worker")],
            () => LogSays(log, "login worker"), cancellationToken);
        return new IceccTool(state);
    }

    /// <inheritdoc/>
    public override Task BeginAsync(CancellationToken cancellationToken)
    {
        File.Delete(_environment["ICECC_LOGFILE"]);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override async Task<Placement> EndAsync(CancellationToken cancellationToken)
    {
        // "ICECC[123] 2026-01-02 03:04:05: Have to use host 198.18.41.2:10245 ..."; each command has a process of its own.
        string log = _environment["ICECC_LOGFILE"];
        string[] lines = File.Exists(log) ? await File.ReadAllLinesAsync(log, cancellationToken) : [];
        ILookup<string, string> processes = lines
            .Select(line => Line().Match(line))
            .Where(match => match.Success)
            .ToLookup(match => match.Groups[1].Value, match => match.Groups[2].Value);
        int remote = 0;
        int failed = 0;
        const string Sent = "Have to use host " + WorkerNetwork.WorkerAddress;
        string[] local = ["building_local", "recompiling locally"];
        foreach (IGrouping<string, string> process in processes)
        {
            bool wasSent = process.Any(text => text.StartsWith(Sent, StringComparison.Ordinal));
            bool wasLocal = process.Any(text => local.Any(sign => text.Contains(sign, StringComparison.Ordinal)));
            remote += wasSent && !wasLocal ? 1 : 0;
            failed += wasSent && wasLocal ? 1 : 0;
        }

        return new Placement(remote, failed > 0 ? $"{failed} failed there, then local" : null);
    }

    /// <summary>Removes its files; its daemons have ended.</summary>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(_state, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static bool LogSays(string log, string text)
    {
        using StreamReader reader = new(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Contains(text, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^ICECC\[(\d+)\] \S+ \S+: (.*)$")]
    private static partial Regex Line();
}
