using Repr.Cas.Far;
using StackExchange.Redis;

namespace Repr.Cas.Redis;

/// <summary>Reads a value that the client has leased. Not safe for concurrent use.</summary>
internal sealed class LeaseStream(Lease<byte> lease) : ForwardStream
{
    private int _position;

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = Math.Min(buffer.Length, lease.Length - _position);
        lease.Span.Slice(_position, count).CopyTo(buffer.Span);
        _position += count;
        return ValueTask.FromResult(count);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lease.Dispose();
        }

        base.Dispose(disposing);
    }
}
