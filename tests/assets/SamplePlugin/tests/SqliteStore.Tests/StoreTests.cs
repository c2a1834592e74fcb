using Repr;
using Repr.Plugins.Testing;

namespace SqliteStore.Tests;

/// <summary>The contract, over the store as the host uses it: what goes in and comes out is checked.</summary>
public sealed class StoreTests : ContentStoreContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    protected override ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        StorePlugin plugin = new();
        IContentStore store = plugin.Create(
            new StoreOptions { Path = Path.Combine(_folder, "store") }, new PluginContext(TimeProvider.System, Console.Error.WriteLine));
        return ValueTask.FromResult<IContentStore>(new VerifyingContentStore(store, plugin.Name));
    }

    protected override ValueTask DisposeStoreAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return base.DisposeStoreAsync();
    }
}
