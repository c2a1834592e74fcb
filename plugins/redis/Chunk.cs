using System.Buffers;
using Repr.Cas.Far;

namespace Repr.Cas.Redis;

/// <summary>A value on its way to the server, in a buffer of the pool.</summary>
internal readonly struct Chunk
{
    private readonly byte[] _buffer;
    private readonly int _length;

    private Chunk(byte[] buffer, int length)
    {
        _buffer = buffer;
        _length = length;
    }

    /// <summary>What is stored.</summary>
    public ReadOnlyMemory<byte> Value => _buffer.AsMemory(0, _length);

    /// <summary>Reads a chunk of content and compresses it where that pays.</summary>
    /// <param name="content">The content.</param>
    /// <param name="length">Bytes of the chunk.</param>
    /// <param name="digest">What messages call the blob.</param>
    /// <param name="codec">What compresses; null: nothing is compressed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: the content ends before the chunk does.</exception>
    public static async ValueTask<Chunk> ReadAsync(
        Stream content, int length, Digest digest, ZstdCodec? codec, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        if (await content.ReadAtLeastAsync(buffer.AsMemory(0, length), length, throwOnEndOfStream: false, cancellationToken) < length)
        {
            throw new ReprException(ReprErrorCode.Corrupt, $"The content of blob {digest} is shorter than its digest says. Send the blob again.");
        }

        if (codec is null)
        {
            return new Chunk(buffer, length);
        }

        byte[] frame = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        int compressed = codec.TryCompress(buffer.AsSpan(0, length), frame);
        ArrayPool<byte>.Shared.Return(compressed > 0 ? buffer : frame);
        return compressed > 0 ? new Chunk(frame, compressed) : new Chunk(buffer, length);
    }

    /// <summary>Sees the end of content, so that what checks it has seen it too.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: there is more.</exception>
    public static async ValueTask ExpectEndAsync(Stream content, Digest digest, CancellationToken cancellationToken)
    {
        byte[] more = ArrayPool<byte>.Shared.Rent(1);
        int read = await content.ReadAsync(more, cancellationToken);
        ArrayPool<byte>.Shared.Return(more);
        if (read > 0)
        {
            throw new ReprException(ReprErrorCode.Corrupt, $"The content of blob {digest} is longer than its digest says. Send the blob again.");
        }
    }

    /// <summary>
    /// Gives the buffer back. Only when the server has answered: of a command that failed, the client may still send the bytes.
    /// </summary>
    public void Return() => ArrayPool<byte>.Shared.Return(_buffer);
}
