namespace Repr.Plugins;

/// <summary>What a host owes to the services that plugins have made.</summary>
public static class PluginServices
{
    /// <summary>Disposes a service if it can be disposed.</summary>
    public static async ValueTask DisposeAsync(object? service)
    {
        if (service is IAsyncDisposable asyncDisposable)
        {
            await asyncDisposable.DisposeAsync();
        }
        else
        {
            (service as IDisposable)?.Dispose();
        }
    }
}
