using Repr;

namespace SqliteStore;

/// <summary>Makes the store. The host finds this class: public, with a constructor without parameters.</summary>
public sealed class StorePlugin : IPlugin<IContentStore, StoreOptions>
{
    /// <summary>What messages call it.</summary>
    public string Name => "sqlite";

    /// <summary>Connects to nothing yet: a server that is away when the worker starts is no wrong setting.</summary>
    public IContentStore Create(StoreOptions options, PluginContext context) => new Store(options.Path);
}
