using Repr.Requester.Content;

namespace Repr.Requester.Tests.Content;

public sealed class GroupUploadsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_others_bring_is_waited_for_and_what_nobody_brings_is_not()
    {
        GroupUploads group = new();
        TaskCompletionSource first = new();
        List<string> log = [];
        Task holder = group.ForEachAsync(Sources("a", "b"), async (held, _) =>
        {
            log.Add("1:" + NamesOf(held));
            await first.Task;
            log.Add("1 done");
        }, Cancellation);
        Task waiter = group.ForEachAsync(Sources("b", "c"), (held, _) =>
        {
            log.Add("2:" + NamesOf(held));
            return Task.CompletedTask;
        }, Cancellation);

        Assert.Equal(["1:a,b", "2:c"], log);
        Assert.False(waiter.IsCompleted);
        first.SetResult();
        await holder;
        await waiter;
        Assert.Equal(["1:a,b", "2:c", "1 done", "2:b"], log);
    }

    [Fact]
    public async Task What_is_there_is_waited_for_no_longer_though_more_is_under_way()
    {
        GroupUploads group = new();
        TaskCompletionSource rest = new();
        Task holder = group.ForEachAsync(Sources("a", "b"), async (held, isThere) =>
        {
            isThere(held[0].Digest);
            await rest.Task;
        }, Cancellation);

        await group.ForEachAsync(Sources("a"), (_, _) => Task.CompletedTask, Cancellation);
        Assert.False(holder.IsCompleted);
        rest.SetResult();
        await holder;
    }

    [Fact]
    public async Task Whoever_waits_goes_on_when_the_other_has_failed()
    {
        GroupUploads group = new();
        TaskCompletionSource first = new();
        Task holder = group.ForEachAsync(Sources("a"), (_, _) => first.Task, Cancellation);
        bool isBrought = false;
        Task waiter = group.ForEachAsync(Sources("a"), (_, _) =>
        {
            isBrought = true;
            return Task.CompletedTask;
        }, Cancellation);

        first.SetException(new ReprException(ReprErrorCode.Unavailable, "gone"));

        await Assert.ThrowsAsync<ReprException>(() => holder);
        await waiter;
        Assert.True(isBrought);
    }

    [Fact]
    public async Task Many_with_the_same_blobs_in_any_order_all_end_and_no_two_bring_one_at_the_same_time()
    {
        GroupUploads group = new();
        string[] names = [.. Enumerable.Range(0, 50).Select(static number => $"{number}")];
        Dictionary<Digest, int> underWay = [];
        Lock locking = new();

        await Parallel.ForEachAsync(Enumerable.Range(0, 64), Cancellation, async (seed, token) =>
        {
            string[] shuffled = [.. names];
            new Random(seed).Shuffle(shuffled);
            await group.ForEachAsync(Sources(shuffled[..30]), async (held, isThere) =>
            {
                lock (locking)
                {
                    Assert.All(held, source => Assert.True(underWay.TryAdd(source.Digest, seed)));
                }

                await Task.Yield();
                lock (locking)
                {
                    Assert.All(held, source => Assert.True(underWay.Remove(source.Digest)));
                }

                isThere(held[0].Digest);
            }, token);
        });
    }

    private static string NamesOf(IEnumerable<ContentSource> sources) =>
        string.Join(',', sources.Select(static source => System.Text.Encoding.UTF8.GetString(source.Bytes.Span)));

    private static ContentSource[] Sources(params string[] names) => [.. names.Select(static name => ContentSource.OfBytes(System.Text.Encoding.UTF8.GetBytes(name)))];
}
