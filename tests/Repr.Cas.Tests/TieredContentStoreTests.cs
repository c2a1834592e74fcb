using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;

namespace Repr.Cas.Tests;

public sealed class TieredContentStoreTests : LocalContentStoreContract
{
    private readonly DishonestContentStore _far = new(new MemoryContentStore(8 << 20));
    private DiskContentStore? _near;

    protected override async ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        _near = await DiskContentStore.OpenAsync(
            new DiskContentStoreOptions { Path = Path.Combine(Scratch, "near"), MaximumBytes = 8 << 20 },
            TimeProvider.System,
            NullLogger.Instance,
            cancellationToken);
        return new TieredContentStore(
            _near, new VerifyingContentStore(_far, "far"), prefetch: false, NullLogger<TieredContentStore>.Instance);
    }

    protected override async ValueTask DisposeStoreAsync()
    {
        await _near!.DisposeAsync();
        await base.DisposeStoreAsync();
    }

    private async Task<(Digest Digest, byte[] Content)> PutFarAsync()
    {
        byte[] content = NewContent(50_000);
        Digest digest = Digest.Compute(content);
        await _far.PutAsync(digest, new MemoryStream(content), Cancellation);
        return (digest, content);
    }

    [Fact]
    public async Task What_is_far_is_there_and_comes_near_when_it_is_opened()
    {
        (Digest digest, byte[] content) = await PutFarAsync();
        Assert.Empty(await Store.FindMissingAsync([digest], Cancellation));
        Assert.Null(Local.TryOpenFile(digest));

        Assert.Equal(content, await ReadAsync(digest));

        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public async Task What_is_put_goes_near_and_far()
    {
        Digest digest = await PutAsync(NewContent(1000));
        string path = Path.Combine(Scratch, "output");
        await File.WriteAllBytesAsync(path, NewContent(1000), Cancellation);
        Digest output = await Local.PutFileAsync(path, Cancellation);

        Assert.Empty(await _near!.FindMissingAsync([digest, output], Cancellation));
        Assert.Empty(await _far.FindMissingAsync([digest, output], Cancellation));
    }

    [Fact]
    public async Task Many_who_open_the_same_blob_fetch_it_once()
    {
        (Digest digest, byte[] content) = await PutFarAsync();
        TaskCompletionSource gate = new();
        _far.Gate = gate.Task;

        Task<byte[]?>[] readers = [.. Enumerable.Range(0, 16).Select(_ => ReadAsync(digest))];
        gate.SetResult();

        Assert.All(await Task.WhenAll(readers), read => Assert.Equal(content, read));
        Assert.Equal(1, _far.Opened);
    }

    [Fact]
    public async Task Who_gives_up_does_not_end_the_fetch_of_the_others()
    {
        (Digest digest, byte[] content) = await PutFarAsync();
        TaskCompletionSource gate = new();
        _far.Gate = gate.Task;
        using CancellationTokenSource impatient = new();

        Task<Stream?> first = Store.OpenAsync(digest, impatient.Token).AsTask();
        Task<byte[]?> second = ReadAsync(digest);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        gate.SetResult();

        Assert.Equal(content, await second);
    }

    [Fact]
    public async Task A_far_store_that_is_down_costs_no_put_and_no_read_of_what_is_near()
    {
        _far.IsDown = true;
        byte[] content = NewContent(1000);

        Digest digest = await PutAsync(content);

        Assert.Equal(content, await ReadAsync(digest));
        Digest missing = Digest.Compute(NewContent(10));
        Assert.Equal([missing], await Store.FindMissingAsync([digest, missing], Cancellation));
    }

    [Fact]
    public async Task A_read_that_only_a_far_store_could_answer_says_when_it_is_down()
    {
        (Digest digest, byte[] content) = await PutFarAsync();
        _far.IsDown = true;
        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => ReadAsync(digest));
        Assert.Equal(ReprErrorCode.Unavailable, failure.Code);

        _far.IsDown = false;

        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task A_corrupt_far_blob_is_missing_until_it_is_put_again()
    {
        (Digest digest, byte[] content) = await PutFarAsync();
        _far.Lies[digest] = NewContent(content.Length);

        Assert.Null(await ReadAsync(digest));
        Assert.Equal([digest], await Store.FindMissingAsync([digest], Cancellation));
        Assert.Null(Local.TryOpenFile(digest));

        await PutAsync(content);

        Assert.Equal(content, await ReadAsync(digest));
        Assert.Empty(_far.Lies);
        Assert.Empty(await Store.FindMissingAsync([digest], Cancellation));
    }

    [Fact]
    public async Task A_blob_that_was_promised_and_not_delivered_counts_as_missing_until_it_is_delivered()
    {
        (Digest digest, byte[] content) = await PutFarAsync();
        _far.IsDownForReads = true;
        await Assert.ThrowsAsync<ReprException>(() => ReadAsync(digest));

        Assert.Equal([digest], await Store.FindMissingAsync([digest], Cancellation));
        _far.IsDownForReads = false;

        Assert.Empty(await Store.FindMissingAsync([digest], Cancellation));
        Assert.Equal(content, ReadFile(digest));
    }

    [Fact]
    public async Task What_is_asked_for_and_found_far_is_brought_near_when_that_is_wanted()
    {
        (Digest digest, byte[] content) = await PutFarAsync();
        await using TieredContentStore prefetching = new(
            _near!, new VerifyingContentStore(_far, "far"), prefetch: true, NullLogger<TieredContentStore>.Instance);

        Assert.Empty(await prefetching.FindMissingAsync([digest], Cancellation));

        while ((await _near!.FindMissingAsync([digest], Cancellation)).Count > 0)
        {
            await Task.Delay(1, Cancellation);
        }

        Assert.Equal(content, ReadFile(digest));
        Assert.Equal(1, _far.Opened);
    }

    [Fact]
    public async Task An_end_in_the_middle_of_a_prefetch_waits_for_nobody()
    {
        (Digest digest, _) = await PutFarAsync();
        TaskCompletionSource never = new();
        _far.Gate = never.Task;
        TieredContentStore prefetching = new(
            _near!, new GuardedContentStore(_far, "far", TimeProvider.System, NullLogger.Instance), prefetch: true, NullLogger<TieredContentStore>.Instance);
        Assert.Empty(await prefetching.FindMissingAsync([digest], Cancellation));

        await prefetching.DisposeAsync();

        Assert.Equal([digest], await _near!.FindMissingAsync([digest], Cancellation));
        never.SetResult();
    }
}
