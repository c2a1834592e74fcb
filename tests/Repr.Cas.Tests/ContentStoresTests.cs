using Microsoft.Extensions.Logging.Abstractions;

namespace Repr.Cas.Tests;

public sealed class ContentStoresTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-stores-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Two_workers_share_blobs_through_a_plugin()
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

    [Fact]
    public async Task A_plugin_of_another_name_is_refused_and_leaves_the_directory_free()
    {
        ArgumentException failure = await Assert.ThrowsAsync<ArgumentException>(() => OpenAsync("worker", "redis"));
        Assert.Contains("'zstd-folder', not 'redis'", failure.Message, StringComparison.Ordinal);

        await using ContentStores stores = await OpenAsync("worker");
    }

    [Fact]
    public async Task A_missing_setting_is_named()
    {
        ArgumentException failure = await Assert.ThrowsAsync<ArgumentException>(() => OpenAsync("worker", settings: []));

        Assert.Contains("'folder'", failure.Message, StringComparison.Ordinal);
    }

    private Task<ContentStores> OpenAsync(string name, string plugin = "zstd-folder", Dictionary<string, string>? settings = null)
    {
        string shared = Directory.CreateDirectory(Path.Combine(_directory, "shared")).FullName;
        return ContentStores.OpenAsync(
            new ContentStoresOptions
            {
                Disk = new DiskContentStoreOptions { Path = Path.Combine(_directory, name), MaximumBytes = 1 << 20 },
                Far =
                [
                    new FarContentStoreOptions(
                        ContentStorePluginLoaderTests.PluginPath, plugin, settings ?? new Dictionary<string, string> { ["folder"] = shared }),
                ],
            },
            TimeProvider.System,
            NullLoggerFactory.Instance,
            Cancellation);
    }
}
