namespace Repr.Bench.Peers;

/// <summary>
/// Packets on their way: each can be taken when the delay has passed since it was added, in the order in which they were added. For one
/// thread. Times are ticks of any steady clock.
/// </summary>
/// <param name="delay">How long each is held.</param>
internal sealed class DelayQueue(long delay)
{
    private readonly Queue<(byte[] Buffer, int Length, long Due)> _packets = new();
    private readonly Stack<byte[]> _free = new();

    /// <summary>Adds one.</summary>
    public void Add(byte[] buffer, int length, long now) => _packets.Enqueue((buffer, length, now + delay));

    /// <summary>Takes the next one, if it is due.</summary>
    public bool TryTake(long now, out byte[] buffer, out int length)
    {
        if (_packets.TryPeek(out (byte[] Buffer, int Length, long Due) next) && next.Due <= now)
        {
            _packets.Dequeue();
            (buffer, length) = (next.Buffer, next.Length);
            return true;
        }

        (buffer, length) = ([], 0);
        return false;
    }

    /// <summary>Ticks until the next one is due; at least 0; the largest number when there is none.</summary>
    public long UntilNext(long now) => _packets.TryPeek(out (byte[] Buffer, int Length, long Due) next) ? Math.Max(0, next.Due - now) : long.MaxValue;

    /// <summary>A buffer that nobody uses.</summary>
    public byte[] Rent(int length) => _free.TryPop(out byte[]? buffer) && buffer.Length >= length ? buffer : new byte[length];

    /// <summary>Gives a buffer back.</summary>
    public void Return(byte[] buffer) => _free.Push(buffer);
}
