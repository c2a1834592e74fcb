using System.Threading.Channels;

namespace Repr.Server.Execution;

/// <summary>The worker's capacity: numbered slots, handed out in the order of asking. Safe for concurrent use.</summary>
internal sealed class SlotPool
{
    private readonly Channel<int> _free = Channel.CreateUnbounded<int>();
    private int _running;
    private int _queued;

    /// <summary>Makes a pool with slots 0 to <paramref name="count"/> - 1.</summary>
    public SlotPool(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        for (int slot = 0; slot < count; slot++)
        {
            _free.Writer.TryWrite(slot);
        }
    }

    /// <summary>Raised after a change of <see cref="Running"/> or <see cref="Queued"/>, on the thread that changed it.</summary>
    public event Action? Changed;

    /// <summary>Slots in all.</summary>
    public int Count { get; }

    /// <summary>Slots in use.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Actions that wait for a slot.</summary>
    public int Queued => Volatile.Read(ref _queued);

    /// <summary>Waits for a free slot and returns its number; it is given back by <see cref="Release"/>.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled; no slot was taken.</exception>
    public async ValueTask<int> AcquireAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _queued);
        Changed?.Invoke();
        try
        {
            int slot = await _free.Reader.ReadAsync(cancellationToken);
            Interlocked.Increment(ref _running);
            return slot;
        }
        finally
        {
            Interlocked.Decrement(ref _queued);
            Changed?.Invoke();
        }
    }

    /// <summary>Gives a slot back.</summary>
    public void Release(int slot)
    {
        Interlocked.Decrement(ref _running);
        _free.Writer.TryWrite(slot);
        Changed?.Invoke();
    }
}
