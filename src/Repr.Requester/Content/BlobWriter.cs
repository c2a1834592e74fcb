using System.Buffers;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Requester.Files;
using ZstdCompressor = ZstdSharp.Compressor;

namespace Repr.Requester.Content;

/// <summary>
/// Reads blobs from where they are and writes large ones to a store, hashing what it sends: a file that changed since it was
/// hashed is never sent as what it was. Safe for concurrent use.
/// </summary>
/// <param name="channel">The store.</param>
/// <param name="compress">Whether compressing pays (not on this machine's own loopback).</param>
internal sealed class BlobWriter(ContentChannel channel, bool compress)
{
    /// <summary>Bytes that a blob takes in a batch beside its content.</summary>
    public const int EntryOverhead = 128;

    private const int ChunkBytes = 64 << 10;
    private const int CompressionLevel = 1;

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
        using SafeFileHandle file = Open(source);
        int read;
        while (length < content.Length && (read = await ReadAsync(source, file, content.AsMemory(length), length, cancellationToken)) > 0)
        {
            length += read;
        }

        return Digest.Compute(
            content.AsSpan(0, length)) == source.Digest ? UnsafeByteOperations.UnsafeWrap(content) : throw Changed(source);
    }

    /// <summary>Streams a blob of any size.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidInput"/>: the file is not what it was. Else what the store reports.
    /// </exception>
    public Task WriteStreamAsync(ContentSource source, CancellationToken cancellationToken) => ContentChannel.CallAsync(
        async () =>
        {
            using SafeFileHandle? file = source.Path is null ? null : Open(source);
            using AsyncClientStreamingCall<WriteRequest, WriteResponse> call = channel.Streams.Write(cancellationToken: cancellationToken);
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using ZstdCompressor? compressor = compress && channel.HasZstd ? new ZstdCompressor(CompressionLevel) : null;
            byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
            try
            {
                string resource = new BlobResourceName(source.Digest, compressor is not null).ToWriteName(Guid.NewGuid());
                long sent = 0;
                long offset = 0;
                while (true)
                {
                    int read = file is null
                        ? CopyChunk(source.Bytes.Span, offset, buffer)
                        : await ReadAsync(source, file, buffer.AsMemory(0, ChunkBytes), offset, cancellationToken);
                    hash.AppendData(buffer, 0, read);
                    offset += read;
                    bool isLast = read == 0 || offset >= source.Digest.SizeBytes;
                    if (isLast && (offset != source.Digest.SizeBytes || Digest.Finish(hash, offset) != source.Digest))
                    {
                        throw Changed(source);
                    }

                    // A frame for each chunk: concatenated frames are a valid zstd stream (RFC 8878, 3).
                    ByteString data = compressor is null
                        ? UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, read))
                        : ByteString.CopyFrom(compressor.Wrap(buffer.AsSpan(0, read)));
                    WriteRequest request =
                        new() { ResourceName = sent == 0 ? resource : "", WriteOffset = sent, Data = data, FinishWrite = isLast };
                    sent += data.Length;
                    if (!await TryWriteAsync(call, request, cancellationToken) || isLast)
                    {
                        break;
                    }
                }

                await CompleteAsync(call);
                await call.ResponseAsync;
                return true;
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        },
        cancellationToken);

    // False: the store has answered already, because it has the blob; the response says whether all is well.
    private static async Task<bool> TryWriteAsync(
        AsyncClientStreamingCall<WriteRequest, WriteResponse> call, WriteRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await call.RequestStream.WriteAsync(request, cancellationToken);
            return true;
        }
        catch (Exception exception) when (exception is InvalidOperationException or RpcException { StatusCode: StatusCode.OK })
        {
            return false;
        }
    }

    private static async Task CompleteAsync(AsyncClientStreamingCall<WriteRequest, WriteResponse> call)
    {
        try
        {
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (exception is InvalidOperationException or RpcException { StatusCode: StatusCode.OK })
        {
            // Answered already.
        }
    }

    private static int CopyChunk(ReadOnlySpan<byte> content, long offset, byte[] buffer)
    {
        ReadOnlySpan<byte> chunk = content[(int)offset..];
        chunk = chunk[..Math.Min(chunk.Length, ChunkBytes)];
        chunk.CopyTo(buffer);
        return chunk.Length;
    }

    private static SafeFileHandle Open(ContentSource source)
    {
        try
        {
            SafeFileHandle file = LinuxNative.TryOpenFile(null, source.Path!.TrimStart('/')) ?? throw Changed(source);
            return LinuxNative.Stat(file).IsFile ? file : throw Changed(source);
        }
        catch (IOException exception)
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
