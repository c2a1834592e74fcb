using System.Security.Cryptography;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Requester.Files;

namespace Repr.Requester.Content;

/// <summary>
/// Reads blobs from where they are and writes large ones to a store, hashing what it sends: a file that changed since it was
/// hashed is never sent as what it was. Safe for concurrent use.
/// </summary>
/// <param name="channel">The store.</param>
/// <param name="compress">Whether compressing pays (not on this machine's own loopback); done where the store can read it.</param>
internal sealed class BlobWriter(ReapiChannel channel, bool compress)
{
    /// <summary>Bytes that a blob takes in a batch beside its content.</summary>
    public const int EntryOverhead = 128;

    /// <summary>Opens a blob where it is. The reader checks what it reads.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidInput"/>: the file cannot be read.</exception>
    public static async ValueTask<Stream> OpenReadAsync(ContentSource source, CancellationToken cancellationToken) => source.Path is null
        ? new MemoryStream(source.Bytes.ToArray(), writable: false)
        : new FileStream(await OpenAsync(source, cancellationToken), FileAccess.Read, bufferSize: 0);

    /// <summary>Reads a blob that fits into memory.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidInput"/>: the file is not what it was, or cannot be read.
    /// </exception>
    public static async Task<ByteString> ReadWholeAsync(ContentSource source, CancellationToken cancellationToken)
    {
        if (source.Path is null)
        {
            return UnsafeByteOperations.UnsafeWrap(source.Bytes);
        }

        byte[] content = new byte[source.Digest.SizeBytes];
        int length = 0;
        using SafeFileHandle file = await OpenAsync(source, cancellationToken);
        int read;
        while (length < content.Length && (read = await ReadAsync(source, file, content.AsMemory(length), length, cancellationToken)) > 0)
        {
            length += read;
        }

        return Digest.Compute(
            content.AsSpan(0, length)) == source.Digest ? UnsafeByteOperations.UnsafeWrap(content) : throw Changed(source);
    }

    /// <summary>Reads a blob that fits into memory, for a batch.</summary>
    /// <exception cref="ReprException">As of <see cref="ReadWholeAsync"/>.</exception>
    public async Task<BatchUpdateBlobsRequest.Types.Request> ReadEntryAsync(ContentSource source, CancellationToken cancellationToken)
    {
        BatchUpdateBlobsRequest.Types.Request entry = new() { Digest = source.Digest.ToReapi(), Data = await ReadWholeAsync(source, cancellationToken) };
        if (compress && channel.HasBatchZstd && ZstdBlobs.TryCompress(entry.Data, out ByteString? compressed))
        {
            entry.Data = compressed;
            entry.Compressor = Compressor.Types.Value.Zstd;
        }

        return entry;
    }

    /// <summary>Streams a blob of any size.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidInput"/>: the file is not what it was. Else what the store reports.
    /// </exception>
    public Task WriteStreamAsync(ContentSource source, CancellationToken cancellationToken) => ContentCalls.CallAsync(
        async () =>
        {
            using SafeFileHandle? file = source.Path is null ? null : await OpenAsync(source, cancellationToken);
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long offset = 0;
            return await BlobUpload.WriteAsync(
                channel,
                source.Digest,
                async (buffer, token) =>
                {
                    int read = file is null
                        ? CopyChunk(source.Bytes.Span, offset, buffer.Span)
                        : await ReadAsync(source, file, buffer, offset, token);
                    hash.AppendData(buffer.Span[..read]);
                    offset += read;
                    bool isLast = read == 0 || offset >= source.Digest.SizeBytes;
                    return isLast && (offset != source.Digest.SizeBytes || Digest.Finish(hash, offset) != source.Digest)
                        ? throw Changed(source)
                        : read;
                },
                compress && channel.HasZstd,
                cancellationToken);
        },
        cancellationToken);

    private static int CopyChunk(ReadOnlySpan<byte> content, long offset, Span<byte> buffer)
    {
        ReadOnlySpan<byte> chunk = content[(int)offset..];
        chunk = chunk[..Math.Min(chunk.Length, buffer.Length)];
        chunk.CopyTo(buffer);
        return chunk.Length;
    }

    private static async ValueTask<SafeFileHandle> OpenAsync(ContentSource source, CancellationToken cancellationToken)
    {
        if (source.Stat.Content is { } placeholder)
        {
            return await placeholder.OpenAsync(cancellationToken);
        }

        try
        {
            SafeFileHandle file = Disk.TryOpenFile(VirtualPath.Parse(source.Path)) ?? throw Changed(source);
            return Disk.Stat(file).IsFile ? file : throw Changed(source);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ReprException(ReprErrorCode.InvalidInput, $"The file '{source.Path}' cannot be read: {exception.Message}", exception);
        }
    }

    private static async ValueTask<int> ReadAsync(
        ContentSource source, SafeFileHandle file, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        try
        {
            return await RandomAccess.ReadAsync(file, buffer, offset, cancellationToken);
        }
        catch (IOException exception)
        {
            throw new ReprException(ReprErrorCode.InvalidInput, $"The file '{source.Path}' cannot be read: {exception.Message}", exception);
        }
    }

    private static ReprException Changed(ContentSource source) =>
        new(ReprErrorCode.InvalidInput, $"The file '{source.Path}' changed while it was read; build again when it is at rest.");
}
