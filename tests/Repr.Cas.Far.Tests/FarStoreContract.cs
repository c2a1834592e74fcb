using System.Security.Cryptography;
using System.Text;
using Repr.Plugins.Testing;
using Repr.Testing.Servers;

namespace Repr.Cas.Far.Tests;

/// <summary>
/// What every store on another machine promises besides, with a real server, as the plugin that settings name, and verified as the host
/// does it.
/// </summary>
/// <param name="plugin">The plugin's name.</param>
/// <param name="fixture">The server that all tests share.</param>
public abstract class FarStoreContract(string plugin, ServerFixture fixture) : ContentStoreContract
{
    private const int Long = 20_000_000;

    private readonly List<IContentStore> _made = [];

    /// <summary>Nobody listens there.</summary>
    private static int ClosedPort { get; } = FreePort.Take();

    /// <summary>What the test's blobs are called on the server that all tests share.</summary>
    protected string KeyPrefix { get; } = $"test-{Guid.NewGuid():N}:";

    /// <summary>The server that all tests share.</summary>
    protected StoreServer Server { get; private set; } = null!;

    /// <summary>A secret among <see cref="OptionsFor"/>, and one that is wrong.</summary>
    protected abstract (string Name, string Wrong) Secret { get; }

    /// <summary>Options for a server on a port.</summary>
    protected abstract Dictionary<string, object?> OptionsFor(int port);

    /// <summary>The key of a blob.</summary>
    protected virtual string KeyOf(Digest digest) => $"{KeyPrefix}{digest.HashText}-{digest.SizeBytes}";

    /// <summary>Changes what the server has of a blob: cuts it to a length, or changes a byte when it is as long.</summary>
    protected abstract Task DamageAsync(Digest digest, int length);

    /// <summary>Bytes of a blob on the server.</summary>
    protected abstract Task<long> StoredLengthAsync(Digest digest);

    /// <summary>What the server has below the prefix that is no blob: unfinished uploads.</summary>
    protected abstract Task<IReadOnlyList<string>> FindLeftoversAsync();

    /// <summary>Starts a server of the test's own.</summary>
    protected abstract Task<StoreServer> StartServerAsync(CancellationToken cancellationToken);

    /// <summary>Makes a store with options of its own.</summary>
    protected IContentStore Make(int port, params (string Name, object? Value)[] options)
    {
        Dictionary<string, object?> all = OptionsFor(port);
        all["KeyPrefix"] = KeyPrefix;
        foreach ((string name, object? value) in options)
        {
            all[name] = value;
        }

        all = all.Where(static option => option.Value is not null).ToDictionary();

        IContentStore store = Plugins.Create(plugin, all);
        _made.Add(store);
        return new VerifyingContentStore(store, plugin);
    }

    protected override async ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        Server = await fixture.StartAsync().WaitAsync(cancellationToken);
        return Make(Server.Port);
    }

    protected override async ValueTask DisposeStoreAsync()
    {
        foreach (IContentStore store in _made)
        {
            if (store is IAsyncDisposable disposable)
            {
                await disposable.DisposeAsync();
            }
            else
            {
                (store as IDisposable)?.Dispose();
            }
        }

        await base.DisposeStoreAsync();
    }

    [Fact]
    public async Task A_server_that_is_away_is_no_error_until_it_is_asked_and_then_unavailable()
    {
        IContentStore store = Make(ClosedPort, ("MaxRetries", 1), ("Timeout", "00:00:02"));
        Digest digest = Digest.Compute([1]);

        await AssertUnavailableAsync(async () => await store.FindMissingAsync([digest], Cancellation));
        await AssertUnavailableAsync(async () => await store.OpenAsync(digest, Cancellation));
        await AssertUnavailableAsync(async () => await store.PutAsync(digest, new MemoryStream([1]), Cancellation));
        Digest many = await GeneratedStream.DigestAsync(Long, 1, Cancellation);
        await AssertUnavailableAsync(async () => await store.OpenAsync(many, Cancellation));
        await AssertUnavailableAsync(async () => await store.PutAsync(many, new GeneratedStream(Long, 1), Cancellation));
    }

    [Fact]
    public async Task A_wrong_secret_is_unavailable_and_no_message_repeats_it()
    {
        (string name, string wrong) = Secret;
        IContentStore store = Make(Server.Port, (name, wrong), ("MaxRetries", 0));
        Digest digest = Digest.Compute([1]);

        foreach (ReprException failure in new[]
        {
            await AssertUnavailableAsync(async () => await store.FindMissingAsync([digest], Cancellation)),
            await AssertUnavailableAsync(async () => await store.OpenAsync(digest, Cancellation)),
            await AssertUnavailableAsync(async () => await store.PutAsync(digest, new MemoryStream([1]), Cancellation)),
        })
        {
            Assert.DoesNotContain(wrong, failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("\n", failure.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(5000)]
    [InlineData(Long)]
    public async Task A_blob_that_was_damaged_in_the_store_is_found_out_and_can_be_put_again(int size)
    {
        byte[] content = NewContent(size);
        Digest digest = await PutAsync(content);
        await DamageAsync(digest, size);

        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => ReadAsync(digest));
        await PutAsync(content);

        Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task A_blob_that_was_cut_in_the_store_is_never_taken_for_whole()
    {
        Digest digest = await PutAsync(NewContent(5000));
        await DamageAsync(digest, 4000);

        ReprException? failure = null;
        byte[]? read = null;
        try
        {
            read = await ReadAsync(digest);
        }
        catch (ReprException exception)
        {
            failure = exception;
        }

        Assert.Null(read);
        Assert.True(failure is null or { Code: ReprErrorCode.Corrupt });
    }

    [Fact]
    public async Task A_blob_is_not_there_before_all_of_it_is()
    {
        Digest digest = await GeneratedStream.DigestAsync(Long, 2, Cancellation);
        await using GeneratedStream content = new(Long, 2) { At = Long - 1000 };
        IContentStore other = Make(Server.Port);

        Task put = Store.PutAsync(digest, content, Cancellation).AsTask();
        await content.Reached;
        IReadOnlyList<Digest> missing = await other.FindMissingAsync([digest], Cancellation);
        await using Stream? early = await other.OpenAsync(digest, Cancellation);
        content.GoOn();
        await put;

        Assert.Equal([digest], missing);
        Assert.Null(early);
        Assert.Empty(await other.FindMissingAsync([digest], Cancellation));
        Assert.Equal(digest, await DigestOfAsync(other, digest));
        Assert.Empty(await FindLeftoversAsync());
    }

    [Fact]
    public async Task A_long_put_that_fails_or_is_cancelled_leaves_nothing()
    {
        Digest digest = await GeneratedStream.DigestAsync(Long, 3, Cancellation);
        using CancellationTokenSource cancelled = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        GeneratedStream failing = new(Long, 3) { At = Long - 1000, Then = static () => throw new IOException("The connection is cut.") };
        GeneratedStream cancelling = new(Long, 3) { At = Long - 1000, Then = cancelled.CancelAsync };
        GeneratedStream wrong = new(Long, 4);

        await Assert.ThrowsAsync<IOException>(() => Store.PutAsync(digest, failing, Cancellation).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.PutAsync(digest, cancelling, cancelled.Token).AsTask());
        ReprException refused = await Assert.ThrowsAsync<ReprException>(() => Store.PutAsync(digest, wrong, Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Corrupt, refused.Code);
        Assert.Equal([digest], await Store.FindMissingAsync([digest], Cancellation));
        Assert.Null(await Store.OpenAsync(digest, Cancellation));
        Assert.Empty(await FindLeftoversAsync());
    }

    [Fact]
    public async Task A_read_that_is_cancelled_is_no_failure_of_the_server()
    {
        Digest digest = await GeneratedStream.DigestAsync(Long, 11, Cancellation);
        await Store.PutAsync(digest, new GeneratedStream(Long, 11), Cancellation);
        await using Stream content = Assert.IsType<Stream>(await Store.OpenAsync(digest, Cancellation), exactMatch: false);
        byte[] buffer = new byte[1 << 20];
        await content.ReadExactlyAsync(buffer.AsMemory(0, 1000), Cancellation);
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await content.ReadAsync(buffer, cancelled.Token) > 0)
            {
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.OpenAsync(digest, cancelled.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.FindMissingAsync([digest], cancelled.Token));
    }

    [Fact]
    public async Task Many_put_the_same_long_blob_at_once()
    {
        Digest digest = await GeneratedStream.DigestAsync(Long, 5, Cancellation);

        await Parallel.ForAsync(0, 4, Cancellation, async (_, cancellationToken) =>
        {
            await Store.PutAsync(digest, new GeneratedStream(Long, 5), cancellationToken);
            Assert.Equal(digest, await DigestOfAsync(Store, digest));
        });

        Assert.Empty(await FindLeftoversAsync());
    }

    [Fact]
    public async Task Many_blobs_are_looked_for_at_once()
    {
        List<Digest> there = [];
        for (int number = 0; number < 20; number++)
        {
            there.Add(await PutAsync(Encoding.UTF8.GetBytes($"{KeyPrefix} {number}")));
        }

        Digest[] missing = [.. Enumerable.Range(0, 300).Select(static number => Digest.Compute(BitConverter.GetBytes(number)))];

        Assert.Equal(missing.ToHashSet(), [.. await Store.FindMissingAsync([.. missing, .. there, .. missing], Cancellation)]);
    }

    [Theory]
    [InlineData(100_000)]
    [InlineData(1 << 20)]
    [InlineData((1 << 20) + 1)]
    [InlineData(Long)]
    public async Task Compressed_content_takes_less_space_and_is_read_by_all(int size)
    {
        byte[] content = [.. Enumerable.Repeat(Encoding.UTF8.GetBytes($"{KeyPrefix} is repeated again and again. "), (size / 60) + 1).SelectMany(static text => text).Take(size)];
        Digest digest = Digest.Compute(content);
        IContentStore compressing = Make(Server.Port, ("Compression", "Zstd"));

        await compressing.PutAsync(digest, new TricklingStream(content, 70_000), Cancellation);

        Assert.InRange(await StoredLengthAsync(digest), 1, size / 2);
        Assert.Empty(await Store.FindMissingAsync([digest], Cancellation));
        Assert.Equal(content, await ReadAsync(digest));
        Assert.Equal(digest, await DigestOfAsync(compressing, digest));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(300_000)]
    [InlineData(Long)]
    public async Task Content_that_compression_does_not_shorten_is_kept_as_it_is(int size)
    {
        byte[] content = NewContent(size);
        Digest digest = Digest.Compute(content);
        IContentStore compressing = Make(Server.Port, ("Compression", "Zstd"));

        await compressing.PutAsync(digest, new TricklingStream(content, 70_000), Cancellation);

        Assert.Equal(size, await StoredLengthAsync(digest));
        Assert.Equal(digest, await DigestOfAsync(compressing, digest));
        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task A_server_that_is_killed_in_the_middle_is_unavailable_and_nothing_half_is_read()
    {
        await using StoreServer server = await StartServerAsync(Cancellation);
        IContentStore store = Make(server.Port, ("MaxRetries", 1), ("Timeout", "00:00:05"));
        const int Size = 60_000_000;
        Digest digest = await GeneratedStream.DigestAsync(Size, 6, Cancellation);
        await store.PutAsync(digest, new GeneratedStream(Size, 6), Cancellation);
        await using Stream content = Assert.IsType<Stream>(await store.OpenAsync(digest, Cancellation), exactMatch: false);
        await content.ReadExactlyAsync(new byte[1000], Cancellation);

        Digest other = await GeneratedStream.DigestAsync(Size, 7, Cancellation);
        GeneratedStream killing = new(Size, 7) { At = Size / 2, Then = server.KillAsync };
        await AssertUnavailableAsync(async () => await store.PutAsync(other, killing, Cancellation));
        await AssertUnavailableAsync(() => content.CopyToAsync(Stream.Null, Cancellation));
        await AssertUnavailableAsync(async () => await store.FindMissingAsync([digest], Cancellation));
    }

    [Fact]
    public async Task A_long_blob_passes_in_little_memory()
    {
        const long Size = 300L << 20;
        const long Limit = 120L << 20;
        Digest digest = await GeneratedStream.DigestAsync(Size, 8, Cancellation);
        IContentStore store = Make(Server.Port, ("MaxBlobBytes", plugin == "redis" ? Size : null));
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long highest = 0;
        int mebibytes = 0;
        void Look()
        {
            // What is alive, not what waits for the collector.
            if (++mebibytes % 50 == 0)
            {
                highest = Math.Max(highest, GC.GetTotalMemory(forceFullCollection: true) - before);
            }
        }

        await store.PutAsync(digest, new GeneratedStream(Size, 8) { Progress = Look }, Cancellation);
        long highestPut = highest;
        highest = 0;
        await using (Stream content = Assert.IsType<Stream>(await store.OpenAsync(digest, Cancellation), exactMatch: false))
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] buffer = new byte[1 << 20];
            int read;
            while ((read = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, Cancellation)) > 0)
            {
                hash.AppendData(buffer.AsSpan(0, read));
                Look();
            }

            Assert.Equal(digest, Digest.Finish(hash, Size));
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"alive at most: put {highestPut >> 20} MiB, get {highest >> 20} MiB");
        Assert.InRange(highestPut, 0, Limit);
        Assert.InRange(highest, 0, Limit);
    }

    /// <summary>The store says that the server does not answer.</summary>
    protected static async Task<ReprException> AssertUnavailableAsync(Func<Task> act)
    {
        ReprException failure = await Assert.ThrowsAsync<ReprException>(act);
        Assert.Equal(ReprErrorCode.Unavailable, failure.Code);
        return failure;
    }

    /// <summary>The digest of what a store gives.</summary>
    protected static async Task<Digest> DigestOfAsync(IContentStore store, Digest digest)
    {
        await using Stream content = Assert.IsType<Stream>(await store.OpenAsync(digest, Cancellation), exactMatch: false);
        return await Digest.ComputeAsync(content, Cancellation);
    }
}
