using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas.TestPlugin;

namespace Repr.Cas.Tests;

public sealed class ContentStoresTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-stores-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Two_workers_share_blobs_through_a_far_store()
    {
        byte[] content = [1, 2, 3];
        Digest digest = Digest.Compute(content);
        await using ContentStores first = await OpenAsync("first");
        await using ContentStores second = await OpenAsync("second");

        await first.Store.PutAsync(digest, new MemoryStream(content), Cancellation);

        Assert.Empty(await second.Store.FindMissingAsync([digest], Cancellation));
        await using Stream? stream = await second.Store.OpenAsync(digest, Cancellation);
        byte[] read = new byte[3];
        await stream!.ReadExactlyAsync(read, Cancellation);
        Assert.Equal(content, read);
    }

    private Task<ContentStores> OpenAsync(string name)
    {
        string shared = Directory.CreateDirectory(Path.Combine(_directory, "shared")).FullName;
        return ContentStores.OpenAsync(
            new DiskContentStoreOptions { Path = Path.Combine(_directory, name), MaximumBytes = 1 << 20 },
            [
                new FarContentStore(
                    "zstd-folder",
                    new ZstdFolderPlugin().Create(new ZstdFolderOptions { Folder = shared }, new PluginContext(TimeProvider.System, static _ => { }))),
            ],
            prefetch: false,
            TimeProvider.System,
            NullLoggerFactory.Instance,
            Cancellation);
    }
}
