using Repr.Plugins.Testing;

namespace Repr.Cas.Tests;

public sealed class VerifyingContentStoreTests : ContentStoreContract
{
    private readonly DishonestContentStore _inner = new(new MemoryContentStore(8 << 20));

    protected override ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<IContentStore>(new VerifyingContentStore(_inner, "inner"));

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(500_000)]
    public async Task A_wrong_byte_is_never_read_to_the_end(int size)
    {
        byte[] content = NewContent(size);
        Digest digest = await PutAsync(content);
        _inner.Lies[digest] = [.. content[..^1], (byte)(content[^1] ^ 1)];

        await using Stream? stream = await Store.OpenAsync(digest, Cancellation);
        ReprException failure = await Assert.ThrowsAsync<ReprException>(
            () => stream!.ReadExactlyAsync(new byte[size], Cancellation).AsTask());

        Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
        Assert.Contains("inner", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task Another_length_fails_the_reading(int difference)
    {
        byte[] content = NewContent(1000);
        Digest digest = await PutAsync(content);
        _inner.Lies[digest] = difference < 0 ? content[..^1] : [.. content, 0];

        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => ReadAsync(digest));

        Assert.Equal(ReprErrorCode.Corrupt, failure.Code);
    }

    [Fact]
    public async Task The_inner_store_is_never_asked_for_the_empty_blob()
    {
        await PutAsync([]);
        await ReadAsync(Digest.Empty);
        await Store.FindMissingAsync([Digest.Empty], Cancellation);

        Assert.Equal(0, _inner.Asked);
    }
}
