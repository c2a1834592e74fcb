namespace Repr.Server.Tests.Sessions;

/// <summary>A real worker in this process, on a free port, with its own data directory.</summary>
public class WorkerFixture : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-worker-").FullName;
    private CancellationTokenSource _stopped = new();
    private readonly StringWriter _error = new();
    private Task<int> _worker = Task.FromResult(0);

    /// <summary>Where it listens; empty when it did not start.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Its data directory.</summary>
    public string Data => Path.Combine(_directory, "data");

    /// <summary>Why there is no worker on this machine; null when there is.</summary>
    public string? WhyUnavailable { get; private set; }

    public async ValueTask InitializeAsync()
    {
        string portFile = Path.Combine(_directory, "port");
        WorkerOptions options = Configure(new WorkerOptions
        {
            Listen = "http://127.0.0.1:0",
            Data = Data,
            PortFile = portFile,
            Slots = 2,
            QueueLimit = 4,
        });
        _worker = Worker.RunAsync(options, TextWriter.Null, _error, _stopped.Token);
        while (!File.Exists(portFile) && !_worker.IsCompleted)
        {
            await Task.Delay(20);
        }

        if (_worker.IsCompleted)
        {
            WhyUnavailable = _error.ToString();
        }
        else
        {
            Address = await File.ReadAllTextAsync(portFile);
        }
    }

    /// <summary>Stops the worker and waits for its end.</summary>
    public async Task StopAsync()
    {
        await _stopped.CancelAsync();
        try
        {
            await _worker;
        }
        catch (OperationCanceledException)
        {
            // Stopped as asked.
        }
    }

    /// <summary>Stops the worker and starts it again, at another address.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        _stopped.Dispose();
        _stopped = new CancellationTokenSource();
        File.Delete(Path.Combine(_directory, "port"));
        await InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopped.Dispose();
        await _error.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The options of a test's own kind of worker.</summary>
    protected virtual WorkerOptions Configure(WorkerOptions options) => options;
}
