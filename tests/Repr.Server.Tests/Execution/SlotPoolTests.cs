using Repr.Server.Execution;

namespace Repr.Server.Tests.Execution;

public sealed class SlotPoolTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_slot_is_handed_out_twice_at_a_time()
    {
        SlotPool pool = new(3);

        int[] slots = [await pool.AcquireAsync(Token), await pool.AcquireAsync(Token), await pool.AcquireAsync(Token)];
        Task<int> waiting = pool.AcquireAsync(Token).AsTask();

        Assert.Equal([0, 1, 2], slots.Order());
        Assert.False(waiting.IsCompleted);
        Assert.Equal((3, 1), (pool.Running, pool.Queued));
        pool.Release(slots[1]);
        Assert.Equal(slots[1], await waiting);
    }

    [Fact]
    public async Task A_cancelled_wait_takes_no_slot()
    {
        SlotPool pool = new(1);
        int slot = await pool.AcquireAsync(Token);
        using CancellationTokenSource cancelled = new();
        Task<int> waiting = pool.AcquireAsync(cancelled.Token).AsTask();

        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        pool.Release(slot);
        Assert.Equal(slot, await pool.AcquireAsync(Token));
        Assert.Equal((1, 0), (pool.Running, pool.Queued));
    }
}
