using Repr.Plugins.Testing;
using Repr.Testing.SharedStores;

namespace Repr.SharedStores.Tests;

/// <summary>The contract over a plugin's store, with a real server behind it.</summary>
public abstract class SharedStoreContract : ContentStoreContract
{
    private FileTestStore? _server;
    private LoadedStore? _loaded;

    /// <summary>Starts the server.</summary>
    protected abstract Task<FileTestStore> StartServerAsync();

    protected override async ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        _server = await StartServerAsync();
        _loaded = LoadedStore.Load(_server);
        return _loaded.Store;
    }

    protected override async ValueTask DisposeStoreAsync()
    {
        await _loaded!.DisposeAsync();
        await _server!.DisposeAsync();
    }
}

public sealed class DirectoryContractTests : SharedStoreContract
{
    protected override Task<FileTestStore> StartServerAsync() => Task.FromResult<FileTestStore>(new DirectoryTestStore());
}

/// <summary>A worker's store.</summary>
public sealed class ReapiContractTests : SharedStoreContract
{
    protected override Task<FileTestStore> StartServerAsync() => ReapiTestStore.StartAsync();
}

public sealed class CompressedReapiContractTests : SharedStoreContract
{
    protected override Task<FileTestStore> StartServerAsync() => ReapiTestStore.StartAsync("Always");
}

/// <summary>A server that others wrote: smaller batches, no compression, and its own idea of statuses.</summary>
public sealed class BuildStreamContractTests : SharedStoreContract
{
    protected override Task<FileTestStore> StartServerAsync() => BuildStreamTestStore.StartAsync();
}
