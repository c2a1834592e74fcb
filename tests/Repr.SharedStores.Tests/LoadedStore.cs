using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas;
using Repr.Plugins;
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
        string settings = Path.GetTempFileName();
        try
        {
            string repository = Path.GetFullPath("../../../../..", AppContext.BaseDirectory);
            string configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/')))!;
            string folder = Path.Combine(repository, $"src/Repr.Cli/bin/{configuration}/net10.0/plugins", plugin);
            string assembly = Directory.GetFiles(folder, "*.runtimeconfig.json").Single().Replace(".runtimeconfig.json", ".dll", StringComparison.Ordinal);
            File.WriteAllText(settings, JsonSerializer.Serialize(new { Stores = new[] { new { Plugin = assembly, Options = options } } }));
            PluginSettings read = PluginSettings.Read(settings, "REPR_TEST__");
            IReadOnlyList<SelectedPlugin<IContentStore>> stores = read.Select<IContentStore>("Stores");
            return read.Problems.Count == 0
                ? new LoadedStore(stores.Single().Name, stores.Single().Create(new PluginContext(TimeProvider.System, static _ => { })))
                : throw new ArgumentException(string.Join('\n', read.Problems));
        }
        finally
        {
            File.Delete(settings);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        (_made as IDisposable)?.Dispose();
        return ValueTask.CompletedTask;
    }
}
