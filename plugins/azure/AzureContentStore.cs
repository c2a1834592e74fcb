using System.Buffers;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Repr.Cas.Far;

namespace Repr.Cas.AzureBlob;

/// <summary>
/// Blobs as block blobs of a container, under their digests. A blob appears when its list of blocks is committed, so nobody sees a
/// part. One that is compressed says so in its <c>Content-Encoding</c>; any other is as long as its digest says, or counts as missing.
/// A read that breaks off is continued by the client. Safe for concurrent use.
/// </summary>
internal sealed class AzureContentStore : IContentStore, IDisposable
{
    private const string ContentType = "application/octet-stream";

    // The service's limits.
    private const int MaxBlocks = 50_000;
    private const long MaxBlobBytes = MaxBlocks * (4000L << 20);

    private const int BlocksInFlight = 4;

    private readonly BlobContainerClient _container;
    private readonly AzureStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly AzureErrors _errors;
    private readonly ZstdCodec _codec = new();

    public AzureContentStore(BlobContainerClient container, AzureStoreOptions options, TimeProvider time)
    {
        _container = container;
        _options = options;
        _time = time;

        // Without the query, which may be a signature.
        _errors = new AzureErrors($"container '{container.Name}' at {container.Uri.GetLeftPart(UriPartial.Authority)}");
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(digests);
        return BlobLookup.FindMissingAsync(digests, _options.MaxConcurrency, IsThereAsync, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        string what = $"read blob {digest} from";
        try
        {
            BlobDownloadStreamingResult answer = await BlobOf(digest).DownloadStreamingAsync(options: null, cancellationToken);
            if (BlobLookup.IsWhole(digest, answer.Details.ContentEncoding, answer.Details.ContentLength))
            {
                return new IncomingContent(
                    answer.Content,
                    answer.Details.ContentEncoding,
                    answer,
                    (exception, token) => _errors.Translate(what, exception, token));
            }

            answer.Dispose();
            return null;
        }
        catch (RequestFailedException exception) when (AzureErrors.IsMissing(exception))
        {
            return null;
        }
        catch (Exception exception) when (_errors.Translate(what, exception, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        if (digest.SizeBytes > MaxBlobBytes)
        {
            throw new ReprException(ReprErrorCode.Exhausted, $"Blob {digest} is longer than a block blob can be ({MaxBlobBytes} bytes).");
        }

        string what = $"put blob {digest} into";
        await using WatchedContent watched = new(content, digest);
        await using OutgoingContent outgoing = await OutgoingContent.OpenAsync(
            watched, _options.Compression == BlobCompression.Zstd ? _codec : null, cancellationToken);
        try
        {
            await UploadAsync(digest, outgoing, cancellationToken);
        }
        catch (RequestFailedException exception) when (exception.ErrorCode == BlobErrorCode.InvalidBlockList)
        {
            // Somebody else has committed this blob meanwhile, which dropped the blocks that were sent here.
            if (!await IsThereAsync(digest, cancellationToken))
            {
                throw _errors.Translate(what, exception, cancellationToken)!;
            }
        }
        catch (Exception exception) when (watched.Failure is null && _errors.Translate(what, exception, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _codec.Dispose();

    private async Task UploadAsync(Digest digest, OutgoingContent content, CancellationToken cancellationToken)
    {
        long block = Math.Max(_options.BlockBytes, (digest.SizeBytes / MaxBlocks) + 1);
        BlobUploadOptions upload = new()
        {
            HttpHeaders = new BlobHttpHeaders { ContentType = ContentType, ContentEncoding = content.ContentEncoding },
            TransferOptions = new StorageTransferOptions
            {
                InitialTransferSize = block,
                MaximumTransferSize = block,
                MaximumConcurrency = BlocksInFlight,
            },
        };
        if (digest.SizeBytes > block)
        {
            await BlobOf(digest).UploadAsync(content, upload, cancellationToken);
            return;
        }

        // The client sends what it can seek in at once, and anything else in blocks, which are two requests at least.
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)digest.SizeBytes);
        int length = await content.ReadToEndAsync(buffer, digest, cancellationToken);
        using MemoryStream body = new(buffer, 0, length, writable: false);
        await BlobOf(digest).UploadAsync(body, upload, cancellationToken);

        // Not after a failure: the client may still read it.
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private BlobClient BlobOf(Digest digest) => _container.GetBlobClient(_options.KeyOf(digest));

    private async ValueTask<bool> IsThereAsync(Digest digest, CancellationToken cancellationToken)
    {
        try
        {
            BlobProperties found = await BlobOf(digest).GetPropertiesAsync(conditions: null, cancellationToken);
            if (!BlobLookup.IsWhole(digest, found.ContentEncoding, found.ContentLength))
            {
                return false;
            }

            if (_options.RenewAfter is { } age && _time.GetUtcNow() - found.LastModified > age)
            {
                BlobHttpHeaders headers = new() { ContentType = ContentType, ContentEncoding = found.ContentEncoding };
                await BlobOf(digest).SetHttpHeadersAsync(headers, conditions: null, cancellationToken);
            }

            return true;
        }
        catch (RequestFailedException exception) when (AzureErrors.IsMissing(exception))
        {
            return false;
        }
        catch (Exception exception) when (_errors.Translate("look for blobs in", exception, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }
}
