using Repr.Plugins.Testing;

namespace Repr.Cas.Tests;

public sealed class MemoryContentStoreTests : ContentStoreContract
{
    protected override ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<IContentStore>(new MemoryContentStore(8 << 20));

    [Fact]
    public async Task The_least_recently_used_blob_goes_first()
    {
        MemoryContentStore store = new(3000);
        Digest[] digests = new Digest[4];
        for (int i = 0; i < 3; i++)
        {
            digests[i] = await PutAsync(store, NewContent(1000));
        }

        await store.FindMissingAsync([digests[0]], Cancellation);
        digests[3] = await PutAsync(store, NewContent(1000));

        Assert.Equal([digests[1]], await store.FindMissingAsync(digests, Cancellation));
        Assert.Equal(3000, store.UsedBytes);
    }

    [Fact]
    public async Task A_refused_blob_takes_no_space()
    {
        MemoryContentStore store = new(3000);
        Digest digest = Digest.Compute(NewContent(1000));

        await Assert.ThrowsAsync<ReprException>(() => store.PutAsync(digest, new MemoryStream(NewContent(1000)), Cancellation).AsTask());

        Assert.Equal(0, store.UsedBytes);
    }

    private static async Task<Digest> PutAsync(MemoryContentStore store, byte[] content)
    {
        Digest digest = Digest.Compute(content);
        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        return digest;
    }
}
