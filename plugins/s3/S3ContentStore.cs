using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Repr.Cas.Far;

namespace Repr.Cas.S3;

/// <summary>
/// Blobs as objects of a bucket, under their digests. An object appears when all of it was sent, so nobody sees a part. One that is
/// compressed says so in its <c>Content-Encoding</c>; any other is as long as its digest says, or counts as missing. Safe for
/// concurrent use.
/// </summary>
internal sealed class S3ContentStore : IContentStore, IDisposable
{
    // Of CopyObject; what is longer is put again instead of renewed.
    private const long MaxCopyBytes = 5L << 30;

    private readonly IAmazonS3 _client;
    private readonly S3StoreOptions _options;
    private readonly TimeProvider _time;
    private readonly S3Errors _errors;
    private readonly S3Uploader _uploader;
    private readonly ZstdCodec _codec = new();

    public S3ContentStore(IAmazonS3 client, S3StoreOptions options, TimeProvider time)
    {
        _client = client;
        _options = options;
        _time = time;
        _errors = new S3Errors($"bucket '{options.Bucket}' at {client.Config.ServiceURL ?? client.Config.RegionEndpoint?.SystemName}");
        _uploader = new S3Uploader(client, options, _errors);
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
            GetObjectResponse answer = await _client.GetObjectAsync(
                new GetObjectRequest { BucketName = _options.Bucket, Key = _options.KeyOf(digest) }, cancellationToken);
            if (BlobLookup.IsWhole(digest, answer.Headers.ContentEncoding, answer.ContentLength))
            {
                return new IncomingContent(
                    answer.ResponseStream,
                    answer.Headers.ContentEncoding,
                    answer,
                    (exception, token) => _errors.Translate(what, exception, token));
            }

            answer.Dispose();
            return null;
        }
        catch (AmazonServiceException exception) when (S3Errors.IsMissing(exception))
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
        await using OutgoingContent outgoing = await OutgoingContent.OpenAsync(
            content, _options.Compression == BlobCompression.Zstd ? _codec : null, cancellationToken);
        await _uploader.PutAsync(digest, outgoing, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _client.Dispose();
        _codec.Dispose();
    }

    private async ValueTask<bool> IsThereAsync(Digest digest, CancellationToken cancellationToken)
    {
        const string What = "look for blobs in";
        try
        {
            GetObjectMetadataResponse answer = await _client.GetObjectMetadataAsync(
                new GetObjectMetadataRequest { BucketName = _options.Bucket, Key = _options.KeyOf(digest) }, cancellationToken);
            return BlobLookup.IsWhole(digest, answer.Headers.ContentEncoding, answer.ContentLength)
                && (!IsOld(answer.LastModified) || await RenewAsync(digest, answer, cancellationToken));
        }
        catch (AmazonServiceException exception) when (S3Errors.IsMissing(exception))
        {
            return false;
        }
        catch (Exception exception) when (_errors.Translate(What, exception, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }

    private bool IsOld(DateTime? lastModified) =>
        _options.RenewAfter is { } age && lastModified is { } modified && _time.GetUtcNow() - modified.ToUniversalTime() > age;

    private async ValueTask<bool> RenewAsync(Digest digest, GetObjectMetadataResponse found, CancellationToken cancellationToken)
    {
        if (found.ContentLength > MaxCopyBytes)
        {
            return false;
        }

        CopyObjectRequest request = new()
        {
            SourceBucket = _options.Bucket,
            SourceKey = _options.KeyOf(digest),
            DestinationBucket = _options.Bucket,
            DestinationKey = _options.KeyOf(digest),
            MetadataDirective = S3MetadataDirective.REPLACE,
            ContentType = S3Uploader.ContentType,
        };
        request.Headers.ContentEncoding = found.Headers.ContentEncoding;
        await _client.CopyObjectAsync(request, cancellationToken);
        return true;
    }
}
