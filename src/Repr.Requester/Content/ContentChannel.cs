using Grpc.Core;
using Repr.Protocol.Reapi;
using Repr.Requester.Security;

namespace Repr.Requester.Content;

/// <summary>
/// The content store of one worker, as its capabilities describe it. Every failure of a call is a <see cref="ReprException"/>.
/// Safe for concurrent use.
/// </summary>
internal sealed class ContentChannel
{
    private const int Framing = 64 << 10;
    private const int UsualBatch = 4 << 20;

    private ContentChannel(CallInvoker invoker, int batchBytes, bool hasZstd)
    {
        Store = new ContentAddressableStorage.ContentAddressableStorageClient(invoker);
        Streams = new ByteStream.ByteStreamClient(invoker);
        BatchBytes = batchBytes;
        HasZstd = hasZstd;
    }

    /// <summary>Batches.</summary>
    public ContentAddressableStorage.ContentAddressableStorageClient Store { get; }

    /// <summary>Single blobs of any size.</summary>
    public ByteStream.ByteStreamClient Streams { get; }

    /// <summary>Bytes of content in one message of a batch.</summary>
    public int BatchBytes { get; }

    /// <summary>Whether single blobs may travel compressed.</summary>
    public bool HasZstd { get; }

    /// <summary>Asks a store what it can do.</summary>
    /// <exception cref="ReprException">It does not answer, or has no SHA-256.</exception>
    public static Task<ContentChannel> OpenAsync(CallInvoker invoker, CancellationToken cancellationToken) => CallAsync(
        async () =>
        {
            Capabilities.CapabilitiesClient client = new(invoker);
            ServerCapabilities capabilities =
                await client.GetCapabilitiesAsync(new GetCapabilitiesRequest(), cancellationToken: cancellationToken);
            CacheCapabilities cache = capabilities.CacheCapabilities ?? new CacheCapabilities();
            if (!cache.DigestFunctions.Contains(DigestFunction.Types.Value.Sha256))
            {
                throw new ReprException(
                    ReprErrorCode.InvalidRequest, "The worker's content store does not use SHA-256; use a worker of this version.");
            }

            long maximum =
                cache.MaxBatchTotalSizeBytes == 0 ? UsualBatch : Math.Clamp(cache.MaxBatchTotalSizeBytes, 2 * Framing, UsualBatch);
            return new ContentChannel(invoker, (int)maximum - Framing, cache.SupportedCompressors.Contains(Compressor.Types.Value.Zstd));
        },
        cancellationToken);

    /// <summary>Runs a call and translates its failure.</summary>
    public static async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call();
        }
        catch (RpcException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Translate(exception);
        }
    }

    /// <summary>The failure of a call in our words.</summary>
    public static ReprException Translate(RpcException exception)
    {
        if (CallFailures.FindOwn(exception) is { } own)
        {
            return new ReprException(own.Code, own.Message, exception);
        }

        ReprErrorCode code = exception.StatusCode switch
        {
            StatusCode.NotFound or StatusCode.DataLoss => ReprErrorCode.Corrupt,
            StatusCode.ResourceExhausted => ReprErrorCode.Exhausted,
            StatusCode.InvalidArgument => ReprErrorCode.InvalidInput,
            StatusCode.Unimplemented => ReprErrorCode.InvalidRequest,
            StatusCode.Unauthenticated => ReprErrorCode.Unauthenticated,
            StatusCode.PermissionDenied => ReprErrorCode.PermissionDenied,
            _ => ReprErrorCode.Unavailable,
        };
        return new ReprException(
            code, $"The worker's content store failed: {exception.Status.Detail} ({exception.StatusCode}).", exception);
    }
}
