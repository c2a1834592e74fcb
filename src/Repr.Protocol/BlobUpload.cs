using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol.Reapi;
using Compressor = ZstdSharp.Compressor;

namespace Repr.Protocol;

/// <summary>Writes a blob of any size with ByteStream.Write. Pure; safe for concurrent use.</summary>
public static class BlobUpload
{
    /// <summary>Bytes of content in one message: more costs the server's large object heap.</summary>
    public const int ChunkBytes = 64 << 10;

    /// <summary>Writes a blob, or as much of it as the store wants: what is there already may be answered before its end.</summary>
    /// <param name="channel">The store.</param>
    /// <param name="digest">Which blob.</param>
    /// <param name="read">
    /// Fills the buffer with the next bytes; 0 at the end. What it throws ends the write without a blob. Must throw when the last bytes show
    /// that the content is another.
    /// </param>
    /// <param name="isCompressed">The content travels as zstd, a frame for each chunk: frames in a row are a valid stream (RFC 8878, 3). The store must have it.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    /// <returns>The size that the store says it has: of the blob, or when compressed of what was sent or -1.</returns>
    /// <exception cref="RpcException">The store failed or refused.</exception>
    public static async Task<long> WriteAsync(
        ReapiChannel channel,
        Digest digest,
        Func<Memory<byte>, CancellationToken, ValueTask<int>> read,
        bool isCompressed,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(read);
        string resource = new BlobResourceName(digest, isCompressed).ToWriteName(Guid.NewGuid(), channel.InstanceName);
        using Compressor? compressor = isCompressed ? new Compressor(ZstdBlobs.Level) : null;
        using AsyncClientStreamingCall<WriteRequest, WriteResponse> call = channel.Streams.Write(cancellationToken: cancellationToken);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            long sent = 0;
            long offset = 0;
            while (true)
            {
                int length = await read(buffer.AsMemory(0, ChunkBytes), cancellationToken);
                offset += length;
                bool isLast = length == 0 || offset >= digest.SizeBytes;
                ByteString data = compressor is null
                    ? UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length))
                    : ByteString.CopyFrom(compressor.Wrap(buffer.AsSpan(0, length)));
                WriteRequest request = new() { ResourceName = sent == 0 ? resource : "", WriteOffset = sent, Data = data, FinishWrite = isLast };
                sent += data.Length;
                if (!await TryAsync(() => call.RequestStream.WriteAsync(request, cancellationToken)) || isLast)
                {
                    break;
                }
            }

            await TryAsync(call.RequestStream.CompleteAsync);
            return (await call.ResponseAsync).CommittedSize;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // False: the store has answered already, because it has the blob or refuses it, or the connection broke; the response says which.
    private static async Task<bool> TryAsync(Func<Task> write)
    {
        try
        {
            await write();
            return true;
        }
        catch (Exception exception) when (
            exception is InvalidOperationException or RpcException { StatusCode: StatusCode.OK or StatusCode.Cancelled } or IOException or HttpRequestException)
        {
            return false;
        }
    }
}
