using System.Diagnostics;

namespace Repr.Bench;

/// <summary>A worker with a data directory of its own. Disposing it ends it.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private WorkerProcess(Process process, string endpoint)
    {
        _process = process;
        Endpoint = endpoint;
    }

    /// <summary>Where it listens, as in "http://127.0.0.1:1234".</summary>
    public string Endpoint { get; }

    /// <summary>Starts a worker with an empty store.</summary>
    /// <param name="options">Where its files go.</param>
    /// <param name="group">Where it runs, with its tools.</param>
    /// <param name="cancellationToken">Stops waiting for it.</param>
    /// <param name="arguments">Further options of <c>repr serve</c>.</param>
    /// <exception cref="BenchException">It does not start.</exception>
    public static async Task<WorkerProcess> StartAsync(
        BenchOptions options, ControlGroup group, CancellationToken cancellationToken, params string[] arguments)
    {
        string data = Path.Combine(options.Artifacts, "data");
        string log = Path.Combine(options.Artifacts, "worker.log");
        string port = Path.Combine(options.Artifacts, "port");
        if (Directory.Exists(data))
        {
            Directory.Delete(data, recursive: true);
        }

        File.Delete(port);
        string[] command = [options.WorkerProgram, "serve", "--data", data, "--port-file", port, "--listen", "http://127.0.0.1:0", .. arguments];
        Process process = Process.Start(group.StartOf("/bin/sh", ["-c", "exec \"$@\" >\"$0\" 2>&1", log, .. command]))!;
        try
        {
            long start = Stopwatch.GetTimestamp();
            while (!File.Exists(port))
            {
                if (process.HasExited || Stopwatch.GetElapsedTime(start) > TimeSpan.FromMinutes(1))
                {
                    throw new BenchException($"The worker did not start:\n{await File.ReadAllTextAsync(log, cancellationToken)}");
                }

                await Task.Delay(50, cancellationToken);
            }

            return new WorkerProcess(process, (await File.ReadAllTextAsync(port, cancellationToken)).Trim());
        }
        catch
        {
            await EndAsync(process);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await EndAsync(_process);

    private static async Task EndAsync(Process process)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        process.Dispose();
    }
}
