using System.Runtime.InteropServices;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Security;
using CoreDigest = Repr.Digest;

namespace Repr.Server.Services;

/// <summary>FindMissingBlobs and the batches of the Remote Execution API v2, over the worker's stores.</summary>
internal sealed class ContentAddressableStorageService(StoreInstances stores) : ContentAddressableStorage.ContentAddressableStorageBase
{
    /// <summary>Upper bound of the blobs of one batch together, in bytes, as announced by the capabilities.</summary>
    public const int MaximumBatchBytes = 4 << 20;

    /// <inheritdoc/>
    [Authorize(Policies.Find)]
    public override async Task<FindMissingBlobsResponse> FindMissingBlobs(FindMissingBlobsRequest request, ServerCallContext context)
    {
        try
        {
            request.DigestFunction.RequireSha256();
            CoreDigest[] digests = [.. request.BlobDigests.Select(ReapiConversions.ToCore)];
            FindMissingBlobsResponse response = new();
            response.MissingBlobDigests.AddRange(
                (await stores.Find(request.InstanceName).FindMissingAsync(digests, context.CancellationToken)).Select(ReapiConversions.ToReapi));
            return response;
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
    }

    /// <inheritdoc/>
    [Authorize(Policies.Write)]
    public override async Task<BatchUpdateBlobsResponse> BatchUpdateBlobs(BatchUpdateBlobsRequest request, ServerCallContext context)
    {
        request.DigestFunction.RequireSha256();
        RequireWithinBatch(request.Requests.Select(static blob => (long)blob.Data.Length));
        BatchUpdateBlobsResponse response = new();
        IContentStore store = stores.Find(request.InstanceName);

        // Together: a store behind this machine's takes its time for each.
        response.Responses.AddRange(await Task.WhenAll(request.Requests.Select(async blob => new BatchUpdateBlobsResponse.Types.Response
        {
            Digest = blob.Digest,
            Status = await PutAsync(store, blob, context.CancellationToken),
        })));
        return response;
    }

    /// <inheritdoc/>
    [Authorize(Policies.Read)]
    public override async Task<BatchReadBlobsResponse> BatchReadBlobs(BatchReadBlobsRequest request, ServerCallContext context)
    {
        request.DigestFunction.RequireSha256();
        RequireWithinBatch(request.Digests.Select(static digest => digest.SizeBytes));
        BatchReadBlobsResponse response = new();
        IContentStore store = stores.Find(request.InstanceName);
        foreach (Protocol.Reapi.Digest digest in request.Digests)
        {
            BatchReadBlobsResponse.Types.Response blob = new() { Digest = digest, Status = new Protocol.Reapi.Status() };
            try
            {
                blob.Data = await ReadAsync(store, digest.ToCore(), context.CancellationToken);
                if (request.AcceptableCompressors.Contains(Compressor.Types.Value.Zstd)
                    && ZstdBlobs.TryCompress(blob.Data, out ByteString? compressed))
                {
                    blob.Data = compressed;
                    blob.Compressor = Compressor.Types.Value.Zstd;
                }
            }
            catch (ReprException failure)
            {
                blob.Status = failure.ToStatus();
            }

            response.Responses.Add(blob);
        }

        return response;
    }

    private static void RequireWithinBatch(IEnumerable<long> lengths)
    {
        long left = MaximumBatchBytes;
        foreach (long length in lengths)
        {
            // One by one: lengths that a client claims may be anything, and their sum more than a number can hold.
            left -= Math.Clamp(length, 0, MaximumBatchBytes + 1L);
            if (left < 0)
            {
                throw ReapiErrors.Invalid($"A batch has at most {MaximumBatchBytes} bytes, this one has more. Use ByteStream for large blobs.");
            }
        }
    }

    private static async Task<Protocol.Reapi.Status> PutAsync(
        IContentStore store, BatchUpdateBlobsRequest.Types.Request blob, CancellationToken cancellationToken)
    {
        try
        {
            CoreDigest digest = blob.Digest.ToCore();
            ReadOnlyMemory<byte> data = blob.Compressor switch
            {
                Compressor.Types.Value.Identity => blob.Data.Memory,
                Compressor.Types.Value.Zstd => Decompress(blob.Data, digest),
                _ => throw new ReprException(ReprErrorCode.InvalidRequest, $"The compressor {blob.Compressor} is not supported; use identity or zstd."),
            };
            ArraySegment<byte> bytes = MemoryMarshal.TryGetArray(data, out ArraySegment<byte> segment) ? segment : data.ToArray();
            using MemoryStream content = new(bytes.Array!, bytes.Offset, bytes.Count, writable: false);
            await store.PutAsync(digest, content, cancellationToken);
            return new Protocol.Reapi.Status();
        }
        catch (ReprException failure)
        {
            return failure.ToStatus();
        }
    }

    private static ReadOnlyMemory<byte> Decompress(ByteString content, CoreDigest digest)
    {
        if (digest.SizeBytes > MaximumBatchBytes * 16L)
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, $"The blob {digest} is too large for a batch. Use ByteStream.");
        }

        return ZstdBlobs.TryDecompress(content, (int)digest.SizeBytes, out ByteString? whole)
            ? whole.Memory
            : throw new ReprException(ReprErrorCode.Corrupt, $"The compressed content of {digest} is no zstd, or has another length.");
    }

    private static async Task<ByteString> ReadAsync(IContentStore store, CoreDigest digest, CancellationToken cancellationToken)
    {
        await using Stream content = await store.OpenAsync(digest, cancellationToken) ?? throw ReapiErrors.NotFound(digest);
        byte[] bytes = new byte[digest.SizeBytes];
        await content.ReadExactlyAsync(bytes, cancellationToken);
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }
}
