namespace Repr.Plugins.Testing;

/// <summary>Gives content in small pieces and can't seek, as a network does; fails or tells where it is asked to.</summary>
public sealed class TricklingStream(byte[] content, int pieceLength) : Stream
{
    private int _position;

    /// <summary>Position from which reading fails; negative: never.</summary>
    public int FailsAt { get; init; } = -1;

    /// <summary>Position at which <see cref="Then"/> is called.</summary>
    public int At { get; init; } = -1;

    /// <summary>What happens at <see cref="At"/>.</summary>
    public Action? Then { get; init; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (FailsAt >= 0 && _position >= FailsAt)
        {
            throw new IOException("The connection is cut.");
        }

        int count = Math.Min(Math.Min(pieceLength, buffer.Length), content.Length - _position);
        content.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        if (At >= 0 && _position >= At)
        {
            Then?.Invoke();
        }

        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        return Read(buffer.Span);
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Flush()
    {
        // Nothing is written.
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
