using Microsoft.Extensions.Hosting;

namespace Repr.Server.Scheduling;

/// <summary>
/// The life of a worker of a farm: asked to stop it takes no more leases, lets its actions end, and stops. It listens to no signal itself:
/// whoever runs the worker does.
/// </summary>
/// <param name="node">What takes leases.</param>
/// <param name="atMost">How long its actions may go on.</param>
/// <param name="application">What stops in the end.</param>
/// <param name="asked">Cancelled when it is asked to stop.</param>
internal sealed class DrainingLifetime(FarmNode node, TimeSpan atMost, IHostApplicationLifetime application, CancellationToken asked)
    : IHostLifetime, IDisposable
{
    private CancellationTokenRegistration _asked;

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _asked = asked.Register(() => _ = DrainAsync());
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose() => _asked.Dispose();

    private async Task DrainAsync()
    {
        try
        {
            await node.DrainAsync(atMost, application.ApplicationStopping);
        }
        catch (OperationCanceledException)
        {
            // It stops already.
        }
        finally
        {
            application.StopApplication();
        }
    }
}
