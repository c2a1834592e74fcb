using System.Security.Cryptography;
using Xunit;

namespace Repr.Plugins.Testing;

/// <summary>What every <see cref="IContentStore"/> promises. A store's tests derive from it and make the store.</summary>
public abstract class ContentStoreContract : IAsyncLifetime
{
    private IContentStore? _store;

    /// <summary>Sizes around the buffers of the stores.</summary>
    public static TheoryData<int> Sizes => [0, 1, 4095, 4096, 4097, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3_000_000];

    /// <summary>The store under test, empty at the start.</summary>
    protected IContentStore Store => _store ?? throw new InvalidOperationException("Not initialised.");

    /// <summary>Ends a test that hangs.</summary>
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Makes the store under test, with space for 8 MiB.</summary>
    protected abstract ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken);

    /// <summary>Ends what <see cref="CreateStoreAsync"/> began.</summary>
    protected virtual ValueTask DisposeStoreAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _store = await CreateStoreAsync(Cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await DisposeStoreAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Content that is like no other.</summary>
    protected static byte[] NewContent(int length) => RandomNumberGenerator.GetBytes(length);

    /// <summary>Stores content and returns its digest.</summary>
    protected async Task<Digest> PutAsync(byte[] content)
    {
        Digest digest = Digest.Compute(content);
        await Store.PutAsync(digest, new MemoryStream(content), Cancellation);
        return digest;
    }

    /// <summary>All of a blob; null when the store lacks it.</summary>
    protected async Task<byte[]?> ReadAsync(Digest digest)
    {
        await using Stream? stream = await Store.OpenAsync(digest, Cancellation);
        if (stream is null)
        {
            return null;
        }

        using MemoryStream content = new();
        await stream.CopyToAsync(content, Cancellation);
        return content.ToArray();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task What_was_put_is_read_back(int size)
    {
        byte[] content = NewContent(size);

        Digest digest = await PutAsync(content);

        Assert.Equal(content, await ReadAsync(digest));
        Assert.Empty(await Store.FindMissingAsync([digest], Cancellation));
    }

    [Fact]
    public async Task A_stream_that_can_not_seek_and_gives_few_bytes_at_a_time_is_stored_whole()
    {
        byte[] content = NewContent(100_000);
        Digest digest = Digest.Compute(content);

        await Store.PutAsync(digest, new TricklingStream(content, 777), Cancellation);

        Assert.Equal(content, await ReadAsync(digest));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(3_000_000)]
    public async Task A_stream_that_is_closed_early_or_twice_harms_nobody(int size)
    {
        byte[] content = NewContent(size);
        Digest digest = await PutAsync(content);
        Stream early = Assert.IsType<Stream>(await Store.OpenAsync(digest, Cancellation), exactMatch: false);
        await early.ReadExactlyAsync(new byte[10], Cancellation);

        await early.DisposeAsync();
        await early.DisposeAsync();
        early.Dispose();

        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task What_was_never_put_is_missing()
    {
        Digest digest = Digest.Compute(NewContent(10));

        Assert.Null(await Store.OpenAsync(digest, Cancellation));
        Assert.Equal([digest], await Store.FindMissingAsync([digest], Cancellation));
    }

    [Fact]
    public async Task Only_the_missing_ones_are_found_missing_each_once()
    {
        Digest there = await PutAsync(NewContent(10));
        Digest missing = Digest.Compute(NewContent(10));
        Digest another = Digest.Compute(NewContent(10));

        IReadOnlyList<Digest> found = await Store.FindMissingAsync([missing, there, another, missing], Cancellation);

        Assert.Equal(2, found.Count);
        Assert.Equal(new HashSet<Digest> { missing, another }, [.. found]);
    }

    [Fact]
    public async Task The_empty_blob_is_always_there()
    {
        Assert.Empty(await Store.FindMissingAsync([Digest.Empty], Cancellation));
        Assert.Empty(await ReadAsync(Digest.Empty) ?? [1]);
    }

    [Fact]
    public async Task Content_under_the_digest_of_the_empty_blob_is_refused()
    {
        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => Store.PutAsync(Digest.Empty, new MemoryStream([1]), Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
        Assert.Empty(await ReadAsync(Digest.Empty) ?? [1]);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1000, -1)]
    [InlineData(1000, 1)]
    [InlineData(300_000, -1)]
    [InlineData(300_000, 1)]
    public async Task Content_that_is_shorter_or_longer_is_refused_and_leaves_nothing(int size, int difference)
    {
        byte[] content = NewContent(size + difference);
        Digest digest = Digest.Compute(content.AsSpan(0, Math.Min(size, content.Length)));
        digest = difference < 0 ? new Digest(Hash(digest), size) : digest;

        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => Store.PutAsync(digest, new MemoryStream(content), Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
        await AssertMissingUnlessEmptyAsync(digest);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1000, 0)]
    [InlineData(1000, 999)]
    [InlineData(1_000_000, 999_999)]
    public async Task Content_with_one_wrong_byte_is_refused_and_leaves_nothing(int size, int wrong)
    {
        byte[] content = NewContent(size);
        Digest digest = Digest.Compute(content);
        content[wrong] ^= 1;

        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => Store.PutAsync(digest, new MemoryStream(content), Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
        await AssertMissingUnlessEmptyAsync(digest);
    }

    [Fact]
    public async Task A_refused_blob_can_be_put_afterwards()
    {
        byte[] content = NewContent(5000);
        Digest digest = Digest.Compute(content);
        await Assert.ThrowsAsync<ReprException>(
            () => Store.PutAsync(digest, new MemoryStream(NewContent(5000)), Cancellation).AsTask());

        await PutAsync(content);

        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task A_failing_stream_fails_the_put_and_leaves_nothing()
    {
        byte[] content = NewContent(100_000);
        Digest digest = Digest.Compute(content);

        await Assert.ThrowsAsync<IOException>(
            () => Store.PutAsync(digest, new TricklingStream(content, 1000) { FailsAt = 50_000 }, Cancellation).AsTask());

        await AssertMissingUnlessEmptyAsync(digest);
    }

    [Fact]
    public async Task A_cancelled_put_leaves_nothing()
    {
        byte[] content = NewContent(100_000);
        Digest digest = Digest.Compute(content);
        using CancellationTokenSource cancelled = new();
        TricklingStream stream = new(content, 1000) { At = 50_000, Then = cancelled.Cancel };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.PutAsync(digest, stream, cancelled.Token).AsTask());

        await AssertMissingUnlessEmptyAsync(digest);
    }

    [Fact]
    public async Task A_put_of_what_is_there_changes_nothing()
    {
        byte[] content = NewContent(5000);
        Digest digest = await PutAsync(content);

        await PutAsync(content);

        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task A_default_digest_can_not_be_put()
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(() => Store.PutAsync(default, new MemoryStream(), Cancellation).AsTask());
    }

    [Fact]
    public async Task Many_put_the_same_blob_at_once()
    {
        byte[] content = NewContent(200_000);
        Digest digest = Digest.Compute(content);

        await Parallel.ForAsync(0, 32, Cancellation, async (_, cancellationToken) =>
        {
            await Store.PutAsync(digest, new TricklingStream(content, 10_000), cancellationToken);
            Assert.Equal(content, await ReadAsync(digest));
        });

        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task Many_put_and_read_different_blobs_at_once()
    {
        await Parallel.ForAsync(0, 200, Cancellation, async (number, _) =>
        {
            byte[] content = NewContent(1 + (number * 37));
            Digest digest = await PutAsync(content);
            Assert.Equal(content, await ReadAsync(digest));
        });
    }

    [Fact]
    public async Task A_blob_larger_than_the_store_is_refused()
    {
        Digest digest = new(Hash(Digest.Compute([1])), long.MaxValue - 10);

        await Assert.ThrowsAsync<ReprException>(() => Store.PutAsync(digest, new MemoryStream([1]), Cancellation).AsTask());

        Assert.Equal([digest], await Store.FindMissingAsync([digest], Cancellation));
    }

    private static byte[] Hash(Digest digest)
    {
        byte[] hash = new byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        return hash;
    }

    private async Task AssertMissingUnlessEmptyAsync(Digest digest)
    {
        Assert.Equal(digest == Digest.Empty ? [] : [digest], await Store.FindMissingAsync([digest], Cancellation));
        Assert.Equal(digest == Digest.Empty, await ReadAsync(digest) is not null);
    }
}
