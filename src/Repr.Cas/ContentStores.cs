using Microsoft.Extensions.Logging;

namespace Repr.Cas;

/// <summary>
/// The front door: builds the chain of content stores that the settings ask for, and owns it. Disk first; each far store is loaded
/// as a plugin and verified. Dispose it when nobody uses <see cref="Store"/> any more.
/// </summary>
public sealed class ContentStores : IAsyncDisposable
{
    private readonly Stack<object> _owned;

    private ContentStores(ILocalContentStore store, Stack<object> owned)
    {
        Store = store;
        _owned = owned;
    }

    /// <summary>The whole chain as one store.</summary>
    public ILocalContentStore Store { get; }

    /// <summary>Opens the chain.</summary>
    /// <exception cref="ArgumentException">A plugin can't be loaded, or a setting is missing or wrong; the message names it.</exception>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the directory on disk can't be used.</exception>
    public static async Task<ContentStores> OpenAsync(
        ContentStoresOptions options, TimeProvider time, ILoggerFactory loggerFactory, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        Stack<object> owned = new();
        try
        {
            DiskContentStore disk = await DiskContentStore.OpenAsync(
                options.Disk, time, loggerFactory.CreateLogger<DiskContentStore>(), cancellationToken);
            owned.Push(disk);
            ILocalContentStore store = disk;
            foreach (FarContentStoreOptions far in options.Far)
            {
                IContentStore made = Make(far);
                owned.Push(made);
                store = new TieredContentStore(
                    store, new VerifyingContentStore(made, far.Plugin), loggerFactory.CreateLogger<TieredContentStore>());
            }

            return new ContentStores(store, owned);
        }
        catch
        {
            await DisposeAsync(owned);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => DisposeAsync(_owned);

    private static async ValueTask DisposeAsync(Stack<object> owned)
    {
        while (owned.TryPop(out object? store))
        {
            if (store is IAsyncDisposable asyncDisposable)
            {
                await asyncDisposable.DisposeAsync();
            }
            else
            {
                (store as IDisposable)?.Dispose();
            }
        }
    }

    private static IContentStore Make(FarContentStoreOptions far)
    {
        IContentStorePlugin plugin = ContentStorePluginLoader.Load(far.Assembly);
        return string.Equals(plugin.Name, far.Plugin, StringComparison.OrdinalIgnoreCase)
            ? plugin.Create(far.Settings)
            : throw new ArgumentException($"The content store plugin {far.Assembly} is '{plugin.Name}', not '{far.Plugin}'.");
    }
}
