using Microsoft.Extensions.Logging;
using Repr.Cas;
using Repr.Requester;

namespace Repr.Cli;

/// <summary>Makes the requester's shared store as its settings file says, and owns it. Used by one thread.</summary>
internal sealed partial class SharedStoreSource : IAsyncDisposable
{
    private readonly FarContentStore? _far;
    private Action<string> _warn = static _ => { };

    /// <summary>Makes the store. Connects to nothing yet.</summary>
    public SharedStoreSource(RequesterPlugins plugins)
    {
        Plugins = plugins;
        try
        {
            if (plugins.Stores is [var selected])
            {
                _far = new FarContentStore(
                    selected.Name, selected.Create(new PluginContext(TimeProvider.System, warning => _warn(warning))));
            }
        }
        catch (ArgumentException exception)
        {
            Plugins = plugins.With($"Stores:0: {exception.Message}");
        }
    }

    /// <summary>The settings, with what only the plugin itself found wrong.</summary>
    public RequesterPlugins Plugins { get; }

    /// <summary>The store, checked, and left alone for a while when it fails; null: there is none.</summary>
    public SharedContentStore? Open(ILogger log)
    {
        _warn = warning => Log.PluginWarns(log, warning);
        return _far is null ? null : new SharedContentStore(_far.Name, ContentStores.Guard(_far, TimeProvider.System, log));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_far?.Store is IAsyncDisposable asyncDisposable)
        {
            await asyncDisposable.DisposeAsync();
        }
        else
        {
            (_far?.Store as IDisposable)?.Dispose();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{Warning}")]
        public static partial void PluginWarns(ILogger logger, string warning);
    }
}
