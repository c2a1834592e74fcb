using Microsoft.Data.Sqlite;
using Repr;
using Repr.Plugins.Testing;
using Xunit;

namespace SqliteStore.Tests;

/// <summary>The contract, over the store as the host uses it: what goes in and comes out is checked. And what is this store's own.</summary>
public sealed class StoreTests : ContentStoreContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private string Database => Path.Combine(_folder, "blobs.db");

    [Fact]
    public async Task A_damaged_blob_is_put_right_by_the_next_put()
    {
        byte[] content = NewContent(5000);
        Digest digest = await PutAsync(content);
        using (SqliteConnection database = new($"Data Source={Database}"))
        {
            database.Open();
            using SqliteCommand damage = database.CreateCommand();
            damage.CommandText = "UPDATE blobs SET content = zeroblob(5000)";
            Assert.Equal(1, damage.ExecuteNonQuery());
        }

        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => ReadAsync(digest));
        Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
        await PutAsync(content);

        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_a_store_that_does_not_answer()
    {
        await File.WriteAllTextAsync(Database, new string('x', 5000), Cancellation);

        Assert.Equal(ReprErrorCode.Unavailable, (await Assert.ThrowsAsync<ReprException>(() => PutAsync([1]))).Code);
        Assert.Equal(ReprErrorCode.Unavailable, (await Assert.ThrowsAsync<ReprException>(() => ReadAsync(Digest.Compute([1])))).Code);
        Assert.Equal(
            ReprErrorCode.Unavailable,
            (await Assert.ThrowsAsync<ReprException>(() => Store.FindMissingAsync([Digest.Compute([1])], Cancellation).AsTask())).Code);
    }

    protected override ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        StorePlugin plugin = new();
        IContentStore store = plugin.Create(
            new StoreOptions { Path = Database }, new PluginContext(TimeProvider.System, Console.Error.WriteLine));
        return ValueTask.FromResult<IContentStore>(new VerifyingContentStore(store, plugin.Name));
    }

    protected override ValueTask DisposeStoreAsync()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
        return base.DisposeStoreAsync();
    }
}
