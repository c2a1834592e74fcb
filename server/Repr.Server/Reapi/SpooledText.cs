namespace Repr.Server.Reapi;

/// <summary>
/// Takes a tool's text into two files, so that its length is no matter, and gives it to the store. One thread at a time.
/// </summary>
/// <param name="path">Where the files are made, with a suffix each, when the first text comes.</param>
internal sealed class SpooledText(string path) : IToolText, IAsyncDisposable
{
    private readonly FileStream?[] _streams = [null, null];

    /// <inheritdoc/>
    public async ValueTask WriteAsync(bool isStandardError, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        try
        {
            ref FileStream? stream = ref _streams[isStandardError ? 1 : 0];
            stream ??= new FileStream(PathOf(isStandardError), FileMode.CreateNew, FileAccess.Write, FileShare.None);
            await stream.WriteAsync(data, cancellationToken);
        }
        catch (IOException full)
        {
            throw new ReprException(ReprErrorCode.Exhausted, $"The text of the tool cannot be kept: {full.Message}", full);
        }
    }

    /// <summary>Puts one of the texts into the store; null when there was none.</summary>
    public async ValueTask<Digest?> StoreAsync(
        bool isStandardError, ILocalContentStore store, IContentLease lease, CancellationToken cancellationToken)
    {
        if (_streams[isStandardError ? 1 : 0] is not { } stream)
        {
            return null;
        }

        await stream.DisposeAsync();
        Digest digest = await store.PutFileAsync(PathOf(isStandardError), cancellationToken);
        lease.Add(digest);
        return digest;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (bool isStandardError in new[] { false, true })
        {
            if (_streams[isStandardError ? 1 : 0] is { } stream)
            {
                await stream.DisposeAsync();
                File.Delete(PathOf(isStandardError));
            }
        }
    }

    private string PathOf(bool isStandardError) => path + (isStandardError ? ".err" : ".out");
}
