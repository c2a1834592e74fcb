using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using CoreDigest = Repr.Digest;

namespace Repr.Cas.Reapi;

/// <summary>
/// A content store of the Remote Execution API v2. Blobs of up to 1 MiB travel in batches with those of other callers, larger ones in
/// a stream each. Relies on no more than servers agree in: a blob without a status is right, the blob of no bytes is never asked for,
/// and no answer is believed to have the asked length. Safe for concurrent use.
/// </summary>
internal sealed partial class ReapiStore : IContentStore, IMessageStore, IDisposable
{
    private const int DigestsPerQuestion = 20_000;
    private const int SmallBlobBytes = 1 << 20;
    private const int EntryOverhead = 128;

    private readonly ReapiConnection _connection;
    private readonly Batcher<(CoreDigest Digest, ByteString Content), bool> _puts;
    private readonly Batcher<CoreDigest, ByteString?> _reads;

    /// <summary>Makes the store; it owns the connection.</summary>
    public ReapiStore(ReapiConnection connection)
    {
        _connection = connection;
        _puts = new(static put => put.Content.Length + EntryOverhead, connection.ParallelCalls, PutBatchAsync);
        _reads = new(static digest => digest.SizeBytes + EntryOverhead, connection.ParallelCalls, ReadBatchAsync);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<CoreDigest>> FindMissingAsync(
        IReadOnlyCollection<CoreDigest> digests, CancellationToken cancellationToken)
    {
        ReapiChannel store = await _connection.GetStoreAsync(cancellationToken);
        HashSet<CoreDigest> missing = [];
        foreach (CoreDigest[] asked in digests.Where(static digest => digest.SizeBytes > 0).Distinct().Chunk(DigestsPerQuestion))
        {
            FindMissingBlobsRequest request = new() { InstanceName = store.InstanceName, DigestFunction = DigestFunction.Types.Value.Sha256 };
            request.BlobDigests.AddRange(asked.Select(ReapiConversions.ToReapi));
            FindMissingBlobsResponse response = await _connection.RetryAsync(
                token => store.Store.FindMissingBlobsAsync(request, deadline: _connection.Deadline, cancellationToken: token).ResponseAsync,
                cancellationToken);
            missing.UnionWith(response.MissingBlobDigests.Select(ReapiConversions.ToCore));
        }

        return [.. missing];
    }

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(CoreDigest digest, CancellationToken cancellationToken)
    {
        if (digest.SizeBytes == 0)
        {
            return digest == CoreDigest.Empty ? new MemoryStream([], writable: false) : null;
        }

        ReapiChannel store = await _connection.GetStoreAsync(cancellationToken);
        if (digest.SizeBytes > SmallLimit(store))
        {
            return await BlobDownload.TryOpenAsync(_connection, store, digest, cancellationToken);
        }

        return await _reads.AddAsync(digest, store.BatchBytes, cancellationToken) is { } content
            ? new MemoryStream(content.ToByteArray(), writable: false)
            : null;
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(CoreDigest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        ReapiChannel store = await _connection.GetStoreAsync(cancellationToken);
        if (digest.SizeBytes > SmallLimit(store))
        {
            await WriteStreamAsync(store, digest, content, cancellationToken);
            return;
        }

        byte[] bytes = new byte[digest.SizeBytes];
        if (await content.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken) < bytes.Length)
        {
            throw OtherLength(digest);
        }

        await RequireEndAsync(digest, content, cancellationToken);
        if (digest.SizeBytes > 0)
        {
            await _puts.AddAsync((digest, UnsafeByteOperations.UnsafeWrap(bytes)), store.BatchBytes, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    private static int SmallLimit(ReapiChannel store) => Math.Min(SmallBlobBytes, store.BatchBytes - EntryOverhead);

    private static ReprException OtherLength(CoreDigest digest) =>
        new(ReprErrorCode.Corrupt, $"The content for blob {digest} has another length. Send the blob again.");

    private static async ValueTask RequireEndAsync(CoreDigest digest, Stream content, CancellationToken cancellationToken)
    {
        if (await content.ReadAsync(new byte[1], cancellationToken) > 0)
        {
            throw OtherLength(digest);
        }
    }

    private async Task WriteStreamAsync(ReapiChannel store, CoreDigest digest, Stream content, CancellationToken cancellationToken)
    {
        bool isCompressed = _connection.Compresses && store.HasZstd;
        long left = digest.SizeBytes;
        try
        {
            long committed = await BlobUpload.WriteAsync(
                store,
                digest,
                async (buffer, token) =>
                {
                    int read = await content.ReadAsync(buffer[..(int)Math.Min(buffer.Length, left)], token);
                    left -= read;
                    if (read == 0)
                    {
                        throw OtherLength(digest);
                    }

                    if (left == 0)
                    {
                        await RequireEndAsync(digest, content, token);
                    }

                    return read;
                },
                isCompressed,
                cancellationToken);
            if (!isCompressed && committed != digest.SizeBytes)
            {
                throw _connection.Translate(StatusCode.DataLoss, $"only {committed} bytes of blob {digest} arrived", failure: null);
            }
        }
        catch (RpcException failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (failure.StatusCode != StatusCode.AlreadyExists)
            {
                throw _connection.Translate(failure);
            }
        }
    }

    private async Task<IReadOnlyList<bool>> PutBatchAsync(IReadOnlyList<(CoreDigest Digest, ByteString Content)> blobs)
    {
        ReapiChannel store = await _connection.GetStoreAsync(CancellationToken.None);
        bool compresses = _connection.Compresses && store.HasBatchZstd;
        BatchUpdateBlobsRequest request = new() { InstanceName = store.InstanceName, DigestFunction = DigestFunction.Types.Value.Sha256 };

        // The same blob may have been put by two callers.
        foreach ((CoreDigest digest, ByteString content) in blobs.DistinctBy(static blob => blob.Digest))
        {
            BatchUpdateBlobsRequest.Types.Request blob = new() { Digest = digest.ToReapi(), Data = content };
            if (compresses && ZstdBlobs.TryCompress(content, out ByteString? compressed))
            {
                blob.Data = compressed;
                blob.Compressor = Protocol.Reapi.Compressor.Types.Value.Zstd;
            }

            request.Requests.Add(blob);
        }

        BatchUpdateBlobsResponse response = await _connection.RetryAsync(
            token => store.Store.BatchUpdateBlobsAsync(request, deadline: _connection.Deadline, cancellationToken: token).ResponseAsync,
            CancellationToken.None);
        Dictionary<CoreDigest, Protocol.Reapi.Status> refused = response.Responses
            .Where(static blob => blob.Status is { Code: not 0 } status && status.Code != (int)StatusCode.AlreadyExists)
            .ToDictionary(static blob => blob.Digest.ToCore(), static blob => blob.Status);
        return refused.Count == 0
            ? [.. blobs.Select(static _ => true)]
            : throw _connection.Translate(
                (StatusCode)refused.First().Value.Code, $"blob {refused.First().Key}: {refused.First().Value.Message}", failure: null);
    }

    private async Task<IReadOnlyList<ByteString?>> ReadBatchAsync(IReadOnlyList<CoreDigest> digests)
    {
        ReapiChannel store = await _connection.GetStoreAsync(CancellationToken.None);
        BatchReadBlobsRequest request = new() { InstanceName = store.InstanceName, DigestFunction = DigestFunction.Types.Value.Sha256 };
        request.Digests.AddRange(digests.Distinct().Select(ReapiConversions.ToReapi));
        if (_connection.Compresses && store.HasZstd)
        {
            request.AcceptableCompressors.Add(Protocol.Reapi.Compressor.Types.Value.Zstd);
        }

        BatchReadBlobsResponse response = await _connection.RetryAsync(
            token => store.Store.BatchReadBlobsAsync(request, deadline: _connection.Deadline, cancellationToken: token).ResponseAsync,
            CancellationToken.None);
        Dictionary<CoreDigest, ByteString> contents = [];
        foreach (BatchReadBlobsResponse.Types.Response blob in response.Responses)
        {
            if (blob.Status is { Code: not 0 } status)
            {
                if (status.Code != (int)StatusCode.NotFound)
                {
                    throw _connection.Translate((StatusCode)status.Code, $"blob {blob.Digest.Hash}: {status.Message}", failure: null);
                }

                continue;
            }

            // Content that is not what it should be becomes content that its reader refuses: the other blobs of the batch are right.
            CoreDigest digest = blob.Digest.ToCore();
            contents[digest] = blob.Compressor != Protocol.Reapi.Compressor.Types.Value.Zstd ? blob.Data
                : ZstdBlobs.TryDecompress(blob.Data, (int)Math.Min(digest.SizeBytes, SmallBlobBytes), out ByteString? content) ? content
                : ByteString.Empty;
        }

        return [.. digests.Select(contents.GetValueOrDefault)];
    }
}
