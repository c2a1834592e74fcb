using System.Collections.Concurrent;
using ZstdSharp;

namespace Repr.Cas.Far;

/// <summary>
/// Compresses pieces of content, each into a zstd frame (RFC 8878) of its own; frames one after another are the whole. Safe for
/// concurrent use.
/// </summary>
public sealed class ZstdCodec : IDisposable
{
    /// <summary>The longest piece: what is in memory at once of a blob that is compressed.</summary>
    public const int PieceLength = 1 << 20;

    // Below this a frame's own bytes and the work outweigh what can be saved.
    private const int MinLength = 512;

    // About 380 MB/s for each core; the next levels save little more and take twice as long.
    private const int Level = 1;

    private readonly ConcurrentBag<Compressor> _compressors = [];
    private readonly ConcurrentBag<Decompressor> _decompressors = [];

    /// <summary>The longest frame that a piece can become.</summary>
    public static int MaxFrameLength { get; } = Compressor.GetCompressBound(PieceLength);

    /// <summary>Compresses a piece where that saves a tenth or more.</summary>
    /// <param name="piece">The content.</param>
    /// <param name="frame">Gets the frame; as long as the piece, or longer.</param>
    /// <returns>The length of the frame; 0: it does not pay, and the destination has nothing of use.</returns>
    public int TryCompress(ReadOnlySpan<byte> piece, Span<byte> frame)
    {
        if (piece.Length < MinLength)
        {
            return 0;
        }

        // A frame that does not fit is one that does not pay.
        Compressor compressor = _compressors.TryTake(out Compressor? free) ? free : new Compressor(Level);
        bool fits = compressor.TryWrap(piece, frame[..(piece.Length - (piece.Length / 10))], out int written);
        _compressors.Add(compressor);
        return fits ? written : 0;
    }

    /// <summary>Compresses a piece, whether it pays or not.</summary>
    /// <param name="piece">The content, not longer than <see cref="PieceLength"/>.</param>
    /// <param name="frame">Gets the frame; <see cref="MaxFrameLength"/> long, or longer.</param>
    /// <returns>The length of the frame.</returns>
    public int Compress(ReadOnlySpan<byte> piece, Span<byte> frame)
    {
        Compressor compressor = _compressors.TryTake(out Compressor? free) ? free : new Compressor(Level);
        int written = compressor.Wrap(piece, frame);
        _compressors.Add(compressor);
        return written;
    }

    /// <summary>Decompresses a frame whose content has a known length.</summary>
    /// <returns>False when it is no frame of that much content: it is damaged.</returns>
    public bool TryDecompress(ReadOnlySpan<byte> frame, Span<byte> piece)
    {
        Decompressor decompressor = _decompressors.TryTake(out Decompressor? free) ? free : new Decompressor();
        try
        {
            bool whole = decompressor.TryUnwrap(frame, piece, out int written) && written == piece.Length;
            _decompressors.Add(decompressor);
            return whole;
        }
        catch (ZstdException)
        {
            decompressor.Dispose();
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_compressors.TryTake(out Compressor? compressor))
        {
            compressor.Dispose();
        }

        while (_decompressors.TryTake(out Decompressor? decompressor))
        {
            decompressor.Dispose();
        }
    }
}
