using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using ZstdSharp;

namespace Repr.Server.Services;

/// <summary>Whole small blobs in zstd (RFC 8878). Pure; safe for concurrent use.</summary>
internal static class ZstdBlobs
{
    private const int WorthwhileBytes = 1024;

    /// <summary>Compresses content.</summary>
    /// <returns>False when it is not worth while: the content is short, or does not become shorter.</returns>
    public static bool TryCompress(ByteString content, [NotNullWhen(true)] out ByteString? compressed)
    {
        compressed = null;
        if (content.Length >= WorthwhileBytes)
        {
            using Compressor compressor = new(level: 1);
            Span<byte> bytes = compressor.Wrap(content.Span);
            compressed = bytes.Length < content.Length ? ByteString.CopyFrom(bytes) : null;
        }

        return compressed is not null;
    }

    /// <summary>Decompresses content that must become as long as its digest says.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: it is no zstd, or longer or shorter.</exception>
    public static ReadOnlyMemory<byte> Decompress(ByteString content, Digest digest)
    {
        if (digest.SizeBytes > ContentAddressableStorageService.MaximumBatchBytes * 16L)
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, $"The blob {digest} is too large for a batch. Use ByteStream.");
        }

        byte[] bytes = new byte[digest.SizeBytes];
        using Decompressor decompressor = new();
        try
        {
            return decompressor.TryUnwrap(content.Span, bytes, out int written) && written == bytes.Length
                ? bytes
                : throw new ReprException(ReprErrorCode.Corrupt, $"The compressed content of {digest} has another length.");
        }
        catch (ZstdException broken)
        {
            throw new ReprException(ReprErrorCode.Corrupt, $"The compressed content of {digest} is not zstd: {broken.Message}", broken);
        }
    }
}
