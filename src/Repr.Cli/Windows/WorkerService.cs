using System.Diagnostics;
using System.Runtime.Versioning;
using System.ServiceProcess;
using Microsoft.Extensions.Hosting.WindowsServices;

namespace Repr.Cli.Windows;

/// <summary>
/// Runs the worker for the service control manager: to be stopped is to be cancelled, as it is by SIGTERM on Linux. What the worker has to
/// say before its log is there goes into the event log.
/// </summary>
/// <param name="run">Runs the worker until it is cancelled; gets where its lines go, and returns its exit code.</param>
/// <param name="patience">How long it may take to stop.</param>
[SupportedOSPlatform("windows")]
internal sealed class WorkerService(Func<TextWriter, CancellationToken, Task<int>> run, TimeSpan patience) : ServiceBase
{
    private const int ServiceSpecificError = 1066;

    private readonly CancellationTokenSource _stopped = new();
    private readonly StringWriter _said = new();
    private Task<int> _worker = Task.FromResult(0);

    /// <summary>Whether this process was started by the service control manager.</summary>
    public static bool IsWanted => WindowsServiceHelpers.IsWindowsService();

    /// <summary>Runs until the service is stopped.</summary>
    /// <returns>The worker's exit code.</returns>
    public static async Task<int> RunAsync(Func<TextWriter, CancellationToken, Task<int>> run, TimeSpan patience)
    {
        using WorkerService service = new(run, patience) { ServiceName = ServiceInstallation.Name, CanShutdown = true, AutoLog = false };
        await Task.Factory.StartNew(() => Run(service), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return await service._worker;
    }

    /// <inheritdoc/>
    protected override void OnStart(string[] args) => _worker = Task.Run(RunAsync);

    /// <inheritdoc/>
    protected override void OnStop()
    {
        RequestAdditionalTime(patience);
        _stopped.Cancel();
        // The service control manager wants an answer from this thread.
        ((IAsyncResult)_worker).AsyncWaitHandle.WaitOne(patience);
    }

    /// <inheritdoc/>
    protected override void OnShutdown() => OnStop();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stopped.Dispose();
            _said.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task<int> RunAsync()
    {
        int code = 1;
        try
        {
            code = await run(_said, _stopped.Token);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            code = 0;
        }
        finally
        {
            if (!_stopped.IsCancellationRequested)
            {
                EventLog.WriteEntry($"The worker ended with {code}. {_said}", EventLogEntryType.Error);
                ExitCode = ServiceSpecificError;
                _ = Task.Run(Stop); // this task is what the stop waits for
            }
        }

        return code;
    }
}
