using Repr.Testing.Servers;
using StackExchange.Redis;

namespace Repr.Cas.Far.Tests;

public sealed class RedisContentStoreTests(RedisFixture fixture) : FarStoreContract("redis", fixture)
{
    private readonly List<ConnectionMultiplexer> _connections = [];

    protected override (string Name, string Wrong) Secret => ("Password", "someWrongPassword");

    protected override Dictionary<string, object?> OptionsFor(int port) =>
        new() { ["Servers"] = $"127.0.0.1:{port}", ["Password"] = StoreServer.RedisPassword };

    protected override Task<StoreServer> StartServerAsync(CancellationToken cancellationToken) => StoreServer.StartRedisAsync(cancellationToken);

    protected override string KeyOf(Digest digest) => $"{KeyPrefix}{{{digest.HashText}}}-{digest.SizeBytes}";

    protected override async Task DamageAsync(Digest digest, int length)
    {
        IDatabase database = await ConnectAsync(Server.Port);
        bool isLong = await database.KeyTypeAsync(KeyOf(digest)) == RedisType.Hash;
        byte[] value = (byte[])(isLong ? await database.HashGetAsync(KeyOf(digest), 7) : await database.StringGetAsync(KeyOf(digest)))!;
        value[10] ^= 1;
        await (isLong
            ? database.HashSetAsync(KeyOf(digest), 7, value)
            : database.StringSetAsync(KeyOf(digest), value.AsMemory(0, length)));
    }

    protected override async Task<long> StoredLengthAsync(Digest digest)
    {
        IDatabase database = await ConnectAsync(Server.Port);
        return await database.KeyTypeAsync(KeyOf(digest)) == RedisType.Hash
            ? (await database.HashGetAllAsync(KeyOf(digest))).Sum(static chunk => chunk.Value.Length())
            : await database.StringLengthAsync(KeyOf(digest));
    }

    protected override async Task<IReadOnlyList<string>> FindLeftoversAsync()
    {
        IDatabase database = await ConnectAsync(Server.Port);
        List<string> found = [];
        await foreach (RedisKey key in database.Multiplexer.GetServers()[0].KeysAsync(pattern: $"{KeyPrefix}*~*"))
        {
            found.Add(key!);
        }

        return found;
    }

    protected override async ValueTask DisposeStoreAsync()
    {
        foreach (ConnectionMultiplexer connection in _connections)
        {
            await connection.DisposeAsync();
        }

        await base.DisposeStoreAsync();
    }

    [Fact]
    public async Task Life_begins_anew_with_each_question_and_without_one_has_no_end()
    {
        IContentStore store = Make(Server.Port, ("TimeToLive", "01:00:00"));
        IDatabase database = await ConnectAsync(Server.Port);
        foreach (int size in new[] { 10, 3_000_000 })
        {
            byte[] content = NewContent(size);
            Digest digest = Digest.Compute(content);
            await store.PutAsync(digest, new MemoryStream(content), Cancellation);
            Assert.InRange(Assert.NotNull(await database.KeyTimeToLiveAsync(KeyOf(digest))), TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
            await database.KeyExpireAsync(KeyOf(digest), TimeSpan.FromMinutes(1));

            Assert.Empty(await store.FindMissingAsync([digest], Cancellation));

            Assert.InRange(Assert.NotNull(await database.KeyTimeToLiveAsync(KeyOf(digest))), TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
            Digest endless = await PutAsync(NewContent(size));
            Assert.Null(await database.KeyTimeToLiveAsync(KeyOf(endless)));
        }
    }

    [Fact]
    public async Task A_blob_that_is_too_long_is_refused_and_the_message_names_the_option()
    {
        IContentStore store = Make(Server.Port, ("MaxBlobBytes", 5000));

        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => store.PutAsync(Digest.Compute(new byte[5001]), new MemoryStream(new byte[5001]), Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Exhausted, failure.Code);
        Assert.Contains("MaxBlobBytes", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("noeviction")]
    [InlineData("allkeys-lru")]
    public async Task A_server_without_memory_is_exhausted_and_keeps_nothing_half(string policy)
    {
        await using StoreServer server = await StoreServer.StartRedisAsync(Cancellation, "--maxmemory", "12mb", "--maxmemory-policy", policy);
        IContentStore store = Make(server.Port);
        const int Size = 30_000_000;
        Digest digest = await GeneratedStream.DigestAsync(Size, 1, Cancellation);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => store.PutAsync(digest, new GeneratedStream(Size, 1), Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Exhausted, failure.Code);
        Assert.Equal([digest], await store.FindMissingAsync([digest], Cancellation));
        Assert.Null(await store.OpenAsync(digest, Cancellation));
        byte[] small = NewContent(1000);
        await store.PutAsync(Digest.Compute(small), new MemoryStream(small), Cancellation);
        Assert.Equal(Digest.Compute(small), await DigestOfAsync(store, Digest.Compute(small)));
    }

    [Fact]
    public async Task A_blob_that_is_evicted_while_it_is_read_is_unavailable()
    {
        const int Size = 20_000_000;
        Digest digest = await GeneratedStream.DigestAsync(Size, 9, Cancellation);
        await Store.PutAsync(digest, new GeneratedStream(Size, 9), Cancellation);
        await using Stream content = Assert.IsType<Stream>(await Store.OpenAsync(digest, Cancellation), exactMatch: false);
        await content.ReadExactlyAsync(new byte[1000], Cancellation);

        await (await ConnectAsync(Server.Port)).KeyDeleteAsync(KeyOf(digest));

        await AssertUnavailableAsync(() => content.CopyToAsync(Stream.Null, Cancellation));
    }

    [Fact]
    public async Task A_name_that_is_unknown_is_unavailable()
    {
        IContentStore store = Make(Server.Port, ("Servers", "no-such-host.invalid:6379"), ("MaxRetries", 0));

        await AssertUnavailableAsync(async () => await store.FindMissingAsync([Digest.Compute([1])], Cancellation));
    }

    [Fact]
    public async Task A_server_that_comes_back_is_used_again()
    {
        await using StoreServer server = await StoreServer.StartRedisAsync(Cancellation);
        IContentStore store = Make(server.Port, ("MaxRetries", 0));
        byte[] content = NewContent(1000);
        Digest digest = Digest.Compute(content);
        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        await server.KillAsync();
        await AssertUnavailableAsync(async () => await store.FindMissingAsync([digest], Cancellation));
        await server.StartAgainAsync(Cancellation);

        // The client connects again by itself; how soon is its own business.
        while (true)
        {
            try
            {
                Assert.Equal([digest], await store.FindMissingAsync([digest], Cancellation));
                break;
            }
            catch (ReprException)
            {
                await Task.Delay(100, Cancellation);
            }
        }

        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        Assert.Equal(digest, await DigestOfAsync(store, digest));
    }

    private async Task<IDatabase> ConnectAsync(int port)
    {
        _connections.Add(await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},password={StoreServer.RedisPassword}"));
        return _connections[^1].GetDatabase();
    }
}
