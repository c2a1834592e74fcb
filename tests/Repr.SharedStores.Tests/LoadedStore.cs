using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas;
using Repr.Testing;
using Repr.Testing.SharedStores;

namespace Repr.SharedStores.Tests;

/// <summary>A store that a plugin makes: read from settings, loaded and guarded as a worker does it.</summary>
internal sealed class LoadedStore : IAsyncDisposable
{
    private readonly IContentStore _made;

    private LoadedStore(string name, IContentStore made)
    {
        _made = made;
        Store = ContentStores.Guard(new FarContentStore(name, made), TimeProvider.System, NullLogger.Instance);
    }

    /// <summary>The store.</summary>
    public GuardedContentStore Store { get; }

    /// <summary>Loads the plugin of a test store.</summary>
    public static LoadedStore Load(TestStore store) => Load(store.Plugin, store.Options);

    /// <summary>Loads a plugin.</summary>
    /// <exception cref="ArgumentException">The settings are wrong; the message has all that is.</exception>
    public static LoadedStore Load(string plugin, IReadOnlyDictionary<string, object> options)
    {
        (string name, IContentStore made) = PluginOfRepr.Make<IContentStore>("Stores", plugin, options);
        return new LoadedStore(name, made);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        (_made as IDisposable)?.Dispose();
        return ValueTask.CompletedTask;
    }
}
