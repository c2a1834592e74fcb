using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Repr.Server.Scheduling;

/// <summary>
/// The life of a worker of a farm: asked to stop (SIGTERM, SIGINT) it takes no more leases, lets its actions end, and stops. Asked again, it
/// stops at once.
/// </summary>
internal sealed class DrainingLifetime(FarmNode node, TimeSpan atMost, IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];
    private int _asked;

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT])
        {
            _signals.Add(PosixSignalRegistration.Create(signal, Stop));
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose() => _signals.ForEach(static signal => signal.Dispose());

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _asked) == 1)
        {
            _ = Task.Run(async () =>
            {
                await node.DrainAsync(atMost, application.ApplicationStopping).ContinueWith(static _ => { }, TaskScheduler.Default);
                application.StopApplication();
            });
        }
        else
        {
            application.StopApplication();
        }
    }
}
