using Grpc.Core;
using Repr.Protocol.Reapi;

namespace Repr.Protocol;

/// <summary>A content store that speaks the Remote Execution API v2, as its capabilities describe it. Immutable; safe for concurrent use.</summary>
public sealed class ReapiChannel
{
    private const int Framing = 64 << 10;
    private const int UsualBatch = 4 << 20;

    private ReapiChannel(CallInvoker invoker, string instanceName, int batchBytes, bool hasZstd, bool hasBatchZstd)
    {
        Store = new ContentAddressableStorage.ContentAddressableStorageClient(invoker);
        Streams = new ByteStream.ByteStreamClient(invoker);
        Results = new ActionCache.ActionCacheClient(invoker);
        InstanceName = instanceName;
        BatchBytes = batchBytes;
        HasZstd = hasZstd;
        HasBatchZstd = hasBatchZstd;
    }

    /// <summary>Batches.</summary>
    public ContentAddressableStorage.ContentAddressableStorageClient Store { get; }

    /// <summary>Single blobs of any size.</summary>
    public ByteStream.ByteStreamClient Streams { get; }

    /// <summary>Results of actions.</summary>
    public ActionCache.ActionCacheClient Results { get; }

    /// <summary>Which of the server's stores; empty: its only one.</summary>
    public string InstanceName { get; }

    /// <summary>Bytes of content in one message of a batch.</summary>
    public int BatchBytes { get; }

    /// <summary>Whether single blobs may travel compressed.</summary>
    public bool HasZstd { get; }

    /// <summary>Whether blobs that are sent in batches may be compressed.</summary>
    public bool HasBatchZstd { get; }

    /// <summary>Asks a store what it can do.</summary>
    /// <param name="invoker">The connection.</param>
    /// <param name="instanceName">Which of the server's stores; empty: its only one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="RpcException">It does not answer.</exception>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it has no SHA-256.</exception>
    public static async Task<ReapiChannel> OpenAsync(CallInvoker invoker, string instanceName, CancellationToken cancellationToken)
    {
        Capabilities.CapabilitiesClient client = new(invoker);
        ServerCapabilities capabilities = await client.GetCapabilitiesAsync(
            new GetCapabilitiesRequest { InstanceName = instanceName }, cancellationToken: cancellationToken);
        CacheCapabilities cache = capabilities.CacheCapabilities ?? new CacheCapabilities();
        if (!cache.DigestFunctions.Contains(DigestFunction.Types.Value.Sha256))
        {
            throw new ReprException(ReprErrorCode.InvalidRequest, "The content store does not use SHA-256; use one that does.");
        }

        long maximum = cache.MaxBatchTotalSizeBytes == 0 ? UsualBatch : Math.Clamp(cache.MaxBatchTotalSizeBytes, 2 * Framing, UsualBatch);
        return new ReapiChannel(
            invoker,
            instanceName,
            (int)maximum - Framing,
            cache.SupportedCompressors.Contains(Compressor.Types.Value.Zstd),
            cache.SupportedBatchUpdateCompressors.Contains(Compressor.Types.Value.Zstd));
    }
}
