using Grpc.Core;
using Repr.Protocol.Reapi;

namespace Repr.Server.Services;

/// <summary>
/// The bytes of a ByteStream.Write as a stream. Begins at the current message of the reader. Used by one reader at a time.
/// Checks that offsets have no gap, and that the end is announced by finish_write.
/// </summary>
internal sealed class WrittenStream(IAsyncStreamReader<WriteRequest> messages, CancellationToken callCancelled) : Stream
{
    private readonly string _name = messages.Current.ResourceName;
    private int _position;
    private long _total;
    private bool _checked;
    private bool _finished;

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
        get => _total;
        set => throw new NotSupportedException();
    }

    /// <summary>Reads what is left and returns the number of bytes that were written in all.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: the write was not finished.</exception>
    public async ValueTask<long> FinishAsync()
    {
        byte[] rest = new byte[1];
        return await ReadAsync(rest, callCancelled) == 0
            ? _total
            : throw new ReprException(ReprErrorCode.InvalidRequest, "The write goes on after the end of its content.");
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            WriteRequest current = messages.Current;
            if (!_checked)
            {
                if (current.WriteOffset != _total)
                {
                    throw new ReprException(
                        ReprErrorCode.InvalidRequest, $"The write continues at {current.WriteOffset}, but {_total} bytes have come.");
                }

                if (current.ResourceName.Length > 0 && current.ResourceName != _name)
                {
                    throw new ReprException(
                        ReprErrorCode.InvalidRequest, $"The write of '{_name}' goes on under another name: '{current.ResourceName}'.");
                }

                _checked = true;
                _finished = current.FinishWrite;
            }

            int count = Math.Min(buffer.Length, current.Data.Length - _position);
            if (count > 0)
            {
                current.Data.Span.Slice(_position, count).CopyTo(buffer.Span);
                _position += count;
                _total += count;
                return count;
            }

            if (_finished || buffer.IsEmpty)
            {
                return 0;
            }

            if (!await messages.MoveNext(callCancelled))
            {
                throw new ReprException(ReprErrorCode.InvalidRequest, $"The write ended after {_total} bytes without finish_write.");
            }

            _position = 0;
            _checked = false;
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Only asynchronous reads.");

    /// <inheritdoc/>
    public override void Flush()
    {
        // Nothing is written through this stream.
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
