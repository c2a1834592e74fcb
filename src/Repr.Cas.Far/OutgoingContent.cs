using System.Buffers;

namespace Repr.Cas.Far;

/// <summary>
/// Content on its way to a store, as the store will keep it: as it is, or as zstd where the first mebibyte shows that it pays. Reads
/// the content piece by piece and never has more than one in memory. Not safe for concurrent use. Does not own the content.
/// </summary>
public sealed class OutgoingContent : ForwardStream
{
    /// <summary>What <c>Content-Encoding</c> is called when content is compressed (RFC 8878, section 6).</summary>
    public const string ZstdEncoding = "zstd";

    private readonly Stream _content;
    private readonly ZstdCodec? _codec;
    private byte[] _piece = [];
    private byte[] _frame = [];
    private ReadOnlyMemory<byte> _pending;
    private bool _ended;

    private OutgoingContent(Stream content, ZstdCodec? codec)
    {
        _content = content;
        _codec = codec;
    }

    /// <summary>The value of <c>Content-Encoding</c>; null: the content is as it is.</summary>
    public string? ContentEncoding { get; private set; }

    /// <summary>Begins to read content.</summary>
    /// <param name="content">The content.</param>
    /// <param name="codec">What compresses; null: nothing is compressed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<OutgoingContent> OpenAsync(Stream content, ZstdCodec? codec, CancellationToken cancellationToken)
    {
        OutgoingContent outgoing = new(content, codec);
        if (codec is not null)
        {
            await outgoing.DecideAsync(codec, cancellationToken);
        }

        return outgoing;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_pending.IsEmpty && !_ended)
        {
            if (ContentEncoding is null)
            {
                return await _content.ReadAsync(buffer, cancellationToken);
            }

            int length = await FillAsync(cancellationToken);
            _pending = length == 0 ? default : _frame.AsMemory(0, _codec!.Compress(_piece.AsSpan(0, length), _frame));
        }

        int count = Math.Min(buffer.Length, _pending.Length);
        _pending[..count].CopyTo(buffer);
        _pending = _pending[count..];
        return count;
    }

    /// <summary>Reads all of it into memory. What is compressed is never longer than it was.</summary>
    /// <param name="buffer">As long as the blob, or longer.</param>
    /// <param name="digest">The blob.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How long it is.</returns>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: the content is longer or shorter than its digest says.</exception>
    public async ValueTask<int> ReadToEndAsync(Memory<byte> buffer, Digest digest, CancellationToken cancellationToken)
    {
        int size = (int)digest.SizeBytes;
        int length = await this.ReadAtLeastAsync(buffer[..size], size, throwOnEndOfStream: false, cancellationToken);
        byte[] more = ArrayPool<byte>.Shared.Rent(1);
        bool isEnd = await ReadAsync(more, cancellationToken) == 0;
        ArrayPool<byte>.Shared.Return(more);
        return isEnd && (length == size || ContentEncoding is not null)
            ? length
            : throw new ReprException(
                ReprErrorCode.Corrupt, $"The content of blob {digest} is {(isEnd ? "shorter" : "longer")} than its digest says. Send the blob again.");
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _piece.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_piece);
            ArrayPool<byte>.Shared.Return(_frame);
            _piece = _frame = [];
        }

        base.Dispose(disposing);
    }

    private async ValueTask DecideAsync(ZstdCodec codec, CancellationToken cancellationToken)
    {
        _piece = ArrayPool<byte>.Shared.Rent(ZstdCodec.PieceLength);
        _frame = ArrayPool<byte>.Shared.Rent(ZstdCodec.MaxFrameLength);
        try
        {
            int length = await FillAsync(cancellationToken);
            int compressed = codec.TryCompress(_piece.AsSpan(0, length), _frame);
            ContentEncoding = compressed > 0 ? ZstdEncoding : null;
            _pending = compressed > 0 ? _frame.AsMemory(0, compressed) : _piece.AsMemory(0, length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private async ValueTask<int> FillAsync(CancellationToken cancellationToken)
    {
        int length = await _content.ReadAtLeastAsync(
            _piece.AsMemory(0, ZstdCodec.PieceLength), ZstdCodec.PieceLength, throwOnEndOfStream: false, cancellationToken);
        _ended = length < ZstdCodec.PieceLength;
        return length;
    }
}
