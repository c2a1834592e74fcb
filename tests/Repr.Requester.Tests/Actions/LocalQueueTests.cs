using Repr.Requester.Actions;

namespace Repr.Requester.Tests.Actions;

public sealed class LocalQueueTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task As_many_run_as_there_are_places()
    {
        LocalQueue queue = new(2, () => long.MaxValue, TimeProvider.System);
        IDisposable first = await queue.EnterAsync(Cancellation);
        using IDisposable second = await queue.EnterAsync(Cancellation);

        Task<IDisposable> third = queue.EnterAsync(Cancellation);

        Assert.False(third.IsCompleted);
        first.Dispose();
        first.Dispose(); // once is enough
        (await third).Dispose();
    }

    [Fact]
    public async Task One_runs_however_short_memory_is_and_the_next_waits_for_it()
    {
        long available = 0;
        LocalQueue queue = new(4, () => Interlocked.Read(ref available), TimeProvider.System);
        using IDisposable first = await queue.EnterAsync(Cancellation);

        Task<IDisposable> second = queue.EnterAsync(Cancellation);

        Assert.False(second.IsCompleted);
        Interlocked.Exchange(ref available, long.MaxValue);
        (await second).Dispose();
    }

    [Fact]
    public async Task Who_does_not_wait_any_more_leaves_the_place()
    {
        LocalQueue queue = new(1, () => long.MaxValue, TimeProvider.System);
        IDisposable first = await queue.EnterAsync(Cancellation);
        using CancellationTokenSource gone = new();
        Task<IDisposable> second = queue.EnterAsync(gone.Token);

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        first.Dispose();
        (await queue.EnterAsync(Cancellation)).Dispose();
    }

    [Fact]
    public void The_kernel_tells_how_much_memory_there_is() => Assert.InRange(LocalQueue.AvailableBytes(), 1, long.MaxValue);
}
