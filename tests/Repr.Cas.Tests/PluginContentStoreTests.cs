using Repr.Cas.TestPlugin;
using Repr.Plugins.Testing;

namespace Repr.Cas.Tests;

/// <summary>The contract over a store that a plugin makes, verified as all plugins' stores are.</summary>
public sealed class PluginContentStoreTests : ContentStoreContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("repr-plugin-").FullName;

    protected override ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        ZstdFolderPlugin plugin = new();
        IContentStore store = plugin.Create(new ZstdFolderOptions { Folder = _folder }, new PluginContext(TimeProvider.System, static _ => { }));
        return ValueTask.FromResult<IContentStore>(new VerifyingContentStore(store, plugin.Name));
    }

    protected override ValueTask DisposeStoreAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return base.DisposeStoreAsync();
    }
}
