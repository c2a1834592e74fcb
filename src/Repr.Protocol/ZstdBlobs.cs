using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using ZstdSharp;

namespace Repr.Protocol;

/// <summary>Whole small blobs in zstd (RFC 8878), as batches of the Remote Execution API v2 carry them. Pure; safe for concurrent use.</summary>
public static class ZstdBlobs
{
    /// <summary>How hard is tried: the next levels save little more and take twice as long.</summary>
    internal const int Level = 1;

    private const int WorthwhileBytes = 1024;

    /// <summary>Compresses content.</summary>
    /// <returns>False when it is not worth while: the content is short, or does not become shorter.</returns>
    public static bool TryCompress(ByteString content, [NotNullWhen(true)] out ByteString? compressed)
    {
        ArgumentNullException.ThrowIfNull(content);
        compressed = null;
        if (content.Length >= WorthwhileBytes)
        {
            using Compressor compressor = new(Level);
            Span<byte> bytes = compressor.Wrap(content.Span);
            compressed = bytes.Length < content.Length ? ByteString.CopyFrom(bytes) : null;
        }

        return compressed is not null;
    }

    /// <summary>Decompresses content whose length is known. The caller bounds the length: that much memory is taken.</summary>
    /// <returns>False when it is no zstd, or becomes longer or shorter.</returns>
    public static bool TryDecompress(ByteString compressed, int sizeBytes, [NotNullWhen(true)] out ByteString? content)
    {
        ArgumentNullException.ThrowIfNull(compressed);
        byte[] bytes = new byte[sizeBytes];
        using Decompressor decompressor = new();
        try
        {
            bool isWhole = decompressor.TryUnwrap(compressed.Span, bytes, out int written) && written == bytes.Length;
            content = isWhole ? UnsafeByteOperations.UnsafeWrap(bytes) : null;
        }
        catch (ZstdException)
        {
            content = null;
        }

        return content is not null;
    }
}
