using System.Diagnostics;
using System.Text;

namespace Repr.Windows.Tests;

/// <summary>A worker for Windows, as it is published, running under Wine with the stand-ins. For the tests of one class.</summary>
public sealed class WindowsWorker : IAsyncLifetime
{
    /// <summary>Where its data is, as it sees it.</summary>
    public const string Data = @"C:\data";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly StringBuilder _log = new();
    private WinePrefix? _prefix;
    private Process? _process;

    /// <summary>The machine that it runs on.</summary>
    public WinePrefix Wine => _prefix ?? throw new InvalidOperationException("Not started.");

    /// <summary>What it is told beside where to listen and to keep its data.</summary>
    public string[] Arguments { get; init; } = [];

    /// <summary>Where it listens.</summary>
    public string Address { get; private set; } = "";

    /// <summary>What it wrote so far.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>The staging directories that are there now: paths of the worker.</summary>
    public IReadOnlyList<string> StagingDirectories() =>
    [
        .. Directory.EnumerateDirectories(Wine.Local(Data + @"\staging"))
            .Where(static run => !run.EndsWith(".drives", StringComparison.Ordinal))
            .SelectMany(Directory.EnumerateDirectories)
            .Select(path => @"C:\" + Path.GetRelativePath(Wine.DriveC, path).Replace('/', '\\')),
    ];

    public async ValueTask InitializeAsync()
    {
        _prefix = await WinePrefix.CreateAsync(standIns: true);
        string portFile = Path.Combine(_prefix.DriveC, "port");
        _process = _prefix.Start(
            @"C:\repr\repr.exe",
            ["serve", "--listen", "http://127.0.0.1:0", "--data", Data, "--slots", "3", "--port-file", @"C:\port", .. Arguments]);
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        using CancellationTokenSource patience = new(s_patience);
        while (!File.Exists(portFile))
        {
            Assert.False(_process.HasExited, Log);
            await Task.Delay(50, patience.Token);
        }

        Address = await File.ReadAllTextAsync(portFile);
    }

    public async ValueTask DisposeAsync()
    {
        _process?.Kill(entireProcessTree: true);
        if (_prefix is not null)
        {
            await _prefix.DisposeAsync();
        }

        _process?.Dispose();
        TestContext.Current.TestOutputHelper?.WriteLine(Log);
    }

    private void Append(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }
}
