using Microsoft.Extensions.Logging;

namespace Repr.Cas;

/// <summary>
/// The front door: builds the chain of content stores, and owns it. Disk first; what comes from each far store is verified. Dispose
/// it when nobody uses <see cref="Store"/> any more.
/// </summary>
public sealed class ContentStores : IAsyncDisposable
{
    private readonly Stack<object> _owned;

    private ContentStores(DiskContentStore disk, ILocalContentStore store, Stack<object> owned)
    {
        Disk = disk;
        Store = store;
        _owned = owned;
    }

    /// <summary>The first of the chain.</summary>
    public DiskContentStore Disk { get; }

    /// <summary>The whole chain as one store.</summary>
    public ILocalContentStore Store { get; }

    /// <summary>Opens the chain.</summary>
    /// <param name="disk">The store on this machine; always the first.</param>
    /// <param name="far">Stores behind it, nearest first. They are disposed with the chain, and when it can't be opened.</param>
    /// <param name="prefetch">Whether what is asked for and found far is brought near at once.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggerFactory">Where the stores tell what they survived.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the directory on disk can't be used.</exception>
    public static async Task<ContentStores> OpenAsync(
        DiskContentStoreOptions disk,
        IReadOnlyList<FarContentStore> far,
        bool prefetch,
        TimeProvider time,
        ILoggerFactory loggerFactory,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(far);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        Stack<object> owned = new(far.Select(static store => store.Store).Reverse());
        try
        {
            DiskContentStore near = await DiskContentStore.OpenAsync(
                disk, time, loggerFactory.CreateLogger<DiskContentStore>(), cancellationToken);
            owned.Push(near);
            ILocalContentStore store = near;
            foreach (FarContentStore behind in far)
            {
                store = new TieredContentStore(
                    store,
                    behind.IsGuarded ? behind.Store : Guard(behind, time, loggerFactory.CreateLogger<GuardedContentStore>()),
                    prefetch,
                    loggerFactory.CreateLogger<TieredContentStore>());
                owned.Push(store);
            }

            return new ContentStores(near, store, owned);
        }
        catch
        {
            await DisposeAsync(owned);
            throw;
        }
    }

    /// <summary>A far store as it is to be used: verified, and left alone for a while after a failure.</summary>
    public static GuardedContentStore Guard(FarContentStore far, TimeProvider time, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(far);
        return new GuardedContentStore(
            new VerifyingContentStore(far.Store, far.Name), far.Name, time, logger, far.Store as IMessageStore);
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
}
