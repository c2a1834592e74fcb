using System.Buffers.Binary;

namespace Repr.Cas.Far.Tests;

/// <summary>
/// Content of any length that is in memory nowhere; the same for the same seed. Can wait at a position until it is let go, fail there,
/// or call somebody. Not safe for concurrent use.
/// </summary>
internal sealed class GeneratedStream(long length, int seed) : ForwardStream
{
    private readonly byte[] _block = Block(seed);
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _position;

    /// <summary>Where it waits, or <see cref="Then"/> is called; negative: nowhere.</summary>
    public long At { get; init; } = -1;

    /// <summary>What happens at <see cref="At"/>; null: it waits for <see cref="GoOn"/>.</summary>
    public Func<Task>? Then { get; init; }

    /// <summary>Ends when <see cref="At"/> is reached.</summary>
    public Task Reached => _reached.Task;

    /// <summary>Called for each mebibyte.</summary>
    public Action? Progress { get; init; }

    /// <inheritdoc/>
    public override long Length => length;

    /// <summary>Lets it go on.</summary>
    public void GoOn() => _goOn.TrySetResult();

    /// <summary>The digest of what a stream of this length and seed gives.</summary>
    public static async Task<Digest> DigestAsync(long length, int seed, CancellationToken cancellationToken)
    {
        await using GeneratedStream content = new(length, seed);
        return await Digest.ComputeAsync(content, cancellationToken);
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (At >= 0 && _position >= At && _reached.TrySetResult())
        {
            await (Then?.Invoke() ?? _goOn.Task.WaitAsync(cancellationToken));
        }

        // Each block begins with its number, so no two are alike.
        int offset = (int)(_position % _block.Length);
        BinaryPrimitives.WriteInt64LittleEndian(_block, _position / _block.Length);
        int count = (int)Math.Min(Math.Min(buffer.Length, _block.Length - offset), length - _position);
        _block.AsMemory(offset, count).CopyTo(buffer);
        if ((_position >> 20) != ((_position + count) >> 20))
        {
            Progress?.Invoke();
        }

        _position += count;
        return count;
    }

    private static byte[] Block(int seed)
    {
        byte[] block = new byte[1 << 16];
        ulong state = ((ulong)seed * 0x9E3779B97F4A7C15) + 1;
        for (int index = 0; index < block.Length; index += 8)
        {
            // xorshift64 (Marsaglia 2003): enough that nothing compresses it.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(index), state);
        }

        return block;
    }
}
