using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Security;
using ZstdSharp;

namespace Repr.Server.Services;

/// <summary>Reads and writes single blobs of any size, plain or in zstd, without holding them in memory.</summary>
internal sealed class ByteStreamService(StoreInstances stores) : ByteStream.ByteStreamBase
{
    private const int ChunkBytes = 256 << 10;
    private const int CompressionLevel = 1;
    private const long DrainedBytes = 8 << 20;
    private static readonly TimeSpan DrainedFor = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    [Authorize(Policies.Read)]
    public override async Task Read(ReadRequest request, IServerStreamWriter<ReadResponse> responseStream, ServerCallContext context)
    {
        if (!BlobResourceName.TryParseRead(request.ResourceName, out BlobResourceName resource))
        {
            throw ReapiErrors.Invalid($"'{request.ResourceName}' is not the name of a blob.");
        }

        long size = resource.Digest.SizeBytes;
        if (request.ReadOffset < 0 || request.ReadOffset > size || request.ReadLimit < 0)
        {
            throw new RpcException(new Grpc.Core.Status(
                StatusCode.OutOfRange, $"Offset {request.ReadOffset} and limit {request.ReadLimit} do not lie within {resource.Digest}."));
        }

        if (resource.IsCompressed && request.ReadLimit != 0)
        {
            throw ReapiErrors.Invalid("A compressed blob is read without a limit.");
        }

        try
        {
            await using Stream content =
                await stores.Find(resource.InstanceName).OpenAsync(resource.Digest, context.CancellationToken) ?? throw ReapiErrors.NotFound(resource.Digest);
            content.Seek(request.ReadOffset, SeekOrigin.Begin);
            long length = request.ReadLimit == 0 ? size - request.ReadOffset : Math.Min(request.ReadLimit, size - request.ReadOffset);
            await SendAsync(content, length, resource.IsCompressed, responseStream, context.CancellationToken);
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
    }

    /// <inheritdoc/>
    [Authorize(Policies.Write)]
    public override async Task<WriteResponse> Write(IAsyncStreamReader<WriteRequest> requestStream, ServerCallContext context)
    {
        try
        {
            return await WriteAsync(requestStream, context);
        }
        finally
        {
            await DrainAsync(requestStream, context.CancellationToken);
        }
    }

    /// <inheritdoc/>
    [Authorize(Policies.Write)]
    public override async Task<QueryWriteStatusResponse> QueryWriteStatus(QueryWriteStatusRequest request, ServerCallContext context)
    {
        if (!BlobResourceName.TryParseWrite(request.ResourceName, out BlobResourceName resource))
        {
            throw ReapiErrors.Invalid($"'{request.ResourceName}' is not the name of an upload.");
        }

        try
        {
            // Interrupted writes begin again: nothing of them is kept.
            bool isThere = (await stores.Find(resource.InstanceName).FindMissingAsync([resource.Digest], context.CancellationToken)).Count == 0;
            return new QueryWriteStatusResponse { CommittedSize = isThere ? resource.Digest.SizeBytes : 0, Complete = isThere };
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
    }

    private async Task<WriteResponse> WriteAsync(IAsyncStreamReader<WriteRequest> requestStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext(context.CancellationToken)
            || !BlobResourceName.TryParseWrite(requestStream.Current.ResourceName, out BlobResourceName resource))
        {
            throw ReapiErrors.Invalid("The first message of a write names the blob: uploads/UUID/blobs/HASH/SIZE.");
        }

        IContentStore store = stores.Find(resource.InstanceName);
        try
        {
            if ((await store.FindMissingAsync([resource.Digest], context.CancellationToken)).Count == 0)
            {
                // The API: what is there already is answered at once, with the full size (-1 for a compressed stream).
                return new WriteResponse { CommittedSize = resource.IsCompressed ? -1 : resource.Digest.SizeBytes };
            }

            WrittenStream written = new(requestStream, context.CancellationToken);
            await using (written)
            {
                Stream content = resource.IsCompressed ? new DecompressionStream(written, leaveOpen: true) : written;
                await using (content)
                {
                    await store.PutAsync(resource.Digest, content, context.CancellationToken);
                }

                return new WriteResponse { CommittedSize = await written.FinishAsync() };
            }
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
        catch (Exception broken) when (broken is ZstdException or EndOfStreamException)
        {
            throw ReapiErrors.Invalid($"The content of {resource.Digest} is not zstd: {broken.Message}");
        }
    }

    // A client that still writes when its answer comes may reset the stream and send one more frame, which Kestrel takes for an
    // error of the whole connection, with all its other calls. So what comes is taken, as far as that is cheap.
    private static async Task DrainAsync(IAsyncStreamReader<WriteRequest> messages, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(DrainedFor);
        try
        {
            long drained = 0;
            while (drained <= DrainedBytes && messages.Current is { FinishWrite: false } && await messages.MoveNext(late.Token))
            {
                drained += messages.Current.Data.Length;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or RpcException or InvalidOperationException)
        {
            // Too slow, gone, or not a message: the answer is what it was.
        }
    }

    private static async Task SendAsync(
        Stream content, long length, bool isCompressed, IServerStreamWriter<ReadResponse> stream, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        using ZstdSharp.Compressor compressor = new(CompressionLevel);
        try
        {
            // The blob of no bytes is one frame as well: no bytes at all are no zstd.
            do
            {
                int wanted = (int)Math.Min(length, ChunkBytes);
                await content.ReadExactlyAsync(buffer.AsMemory(0, wanted), cancellationToken);
                length -= wanted;

                // Each chunk is a zstd frame of its own; frames in a row are a valid stream (RFC 8878, 3). The message is on its
                // way when the write is over, so the next chunk may take the same buffer.
                ByteString data = isCompressed
                    ? ByteString.CopyFrom(compressor.Wrap(buffer.AsSpan(0, wanted)))
                    : UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, wanted));
                await stream.WriteAsync(new ReadResponse { Data = data }, cancellationToken);
            }
            while (length > 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
