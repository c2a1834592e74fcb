using Microsoft.Extensions.Logging;
using Repr.Cas;
using Repr.Plugins;
using Repr.Requester;

namespace Repr.Cli;

/// <summary>Makes the requester's shared store as its settings file says, and owns it. Used by one thread.</summary>
internal sealed partial class SharedStoreSource : IAsyncDisposable
{
    private readonly FarContentStore? _far;
    private Action<string> _warn = static _ => { };

    /// <summary>Makes the store. Connects to nothing yet. What only the plugin itself finds wrong is added to the settings' problems.</summary>
    public SharedStoreSource(RequesterPlugins plugins)
    {
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
            plugins.Add($"Stores:0: {exception.Message}");
        }
    }

    /// <summary>The store, checked, and left alone for a while when it fails; null: there is none.</summary>
    public SharedContentStore? Open(ILogger log)
    {
        _warn = warning => Log.PluginWarns(log, warning);
        return _far is null ? null : new SharedContentStore(_far.Name, ContentStores.Guard(_far, TimeProvider.System, log));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => PluginServices.DisposeAsync(_far?.Store);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{Warning}")]
        public static partial void PluginWarns(ILogger logger, string warning);
    }
}
