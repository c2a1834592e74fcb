using System.Diagnostics;
using System.Globalization;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>A worker as a process of its own: what <c>repr serve</c> starts. It can be killed, frozen and started again.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly string _directory;
    private readonly string[] _arguments;
    private Process? _process;

    private WorkerProcess(string directory, string[] arguments)
    {
        _directory = directory;
        _arguments = arguments;
    }

    /// <summary>What starts it, as in "nice -n 5"; empty: nothing but its program. Counts from the next start.</summary>
    public IReadOnlyList<string> StartedBy { get; set; } = [];

    /// <summary>Where it listens, as in "http://127.0.0.1:1234". The same after a restart.</summary>
    public string Address { get; private set; } = "http://127.0.0.1:0";

    /// <summary>Its data directory.</summary>
    public string Data => Path.Combine(_directory, "data");

    /// <summary>What it has written.</summary>
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    /// <summary>Its number.</summary>
    public int ProcessId => _process!.Id;

    private string LogFile => Path.Combine(_directory, "worker.log");

    private string PortFile => Path.Combine(_directory, "port");

    /// <summary>Starts a worker whose files lie in the directory.</summary>
    public static Task<WorkerProcess> StartAsync(string directory, params string[] arguments) =>
        StartAsync(directory, new Uri("http://127.0.0.1:0"), arguments);

    /// <summary>Starts a worker that listens at an address, whose files lie in the directory.</summary>
    public static async Task<WorkerProcess> StartAsync(string directory, Uri address, params string[] arguments)
    {
        WorkerProcess worker = new(Directory.CreateDirectory(directory).FullName, arguments)
        {
            Address = address.GetLeftPart(UriPartial.Authority),
        };
        await worker.StartAsync();
        return worker;
    }

    /// <summary>Starts it, or starts it again at the same address.</summary>
    public async Task StartAsync()
    {
        File.Delete(PortFile);
        string repr = Path.Combine(Repository.Product, "repr.dll");
        string[] command =
        [
            .. StartedBy, "dotnet", repr, "serve", "--listen", Address, "--data", Data, "--port-file", PortFile, .. _arguments,
        ];
        _process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1", LogFile, .. command]))!;
        long start = Stopwatch.GetTimestamp();
        while (!File.Exists(PortFile))
        {
            Assert.False(_process.HasExited, Log);
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(1), "The worker was not ready in a minute:\n" + Log);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Address = (await File.ReadAllTextAsync(PortFile, TestContext.Current.CancellationToken)).Trim();
    }

    /// <summary>Waits until it has written a text.</summary>
    public async Task WaitForLogAsync(string text, CancellationToken cancellationToken)
    {
        while (!Log.Contains(text, StringComparison.Ordinal))
        {
            await Task.Delay(20, cancellationToken);
        }
    }

    /// <summary>kill -TERM, and waits for its orderly end.</summary>
    public async Task StopAsync()
    {
        Signal("TERM");
        await _process!.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>kill -STOP: it is there, but does nothing any more.</summary>
    public void Freeze() => Signal("STOP");

    /// <summary>kill -CONT.</summary>
    public void Thaw() => Signal("CONT");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process?.Dispose();
    }

    private void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
