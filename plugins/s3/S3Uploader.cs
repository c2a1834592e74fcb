using System.Buffers;
using Amazon.S3;
using Amazon.S3.Model;
using Repr.Cas.Far;

namespace Repr.Cas.S3;

/// <summary>
/// Sends content: in one request what fits into a part, else in parts. A part is read whole before it is sent, so the SDK can send it
/// again. Safe for concurrent use.
/// </summary>
internal sealed class S3Uploader(IAmazonS3 client, S3StoreOptions options, S3Errors errors)
{
    /// <summary>What blobs are to whoever looks at the bucket.</summary>
    public const string ContentType = "application/octet-stream";

    // Amazon's limits.
    private const int MaxParts = 10_000;
    private const long MaxObjectBytes = 5L << 40;

    private const int PartsInFlight = 4;

    // The SDK signs content by hashing it once more, which TLS makes superfluous.
    private readonly bool _isEncrypted = options.ServiceUrl is not { Scheme: "http" };

    /// <summary>Reads content to its end and stores it; when it throws, nothing was stored.</summary>
    public async Task PutAsync(Digest digest, OutgoingContent content, CancellationToken cancellationToken)
    {
        if (digest.SizeBytes > MaxObjectBytes)
        {
            throw new ReprException(ReprErrorCode.Exhausted, $"Blob {digest} is longer than an object of S3 can be ({MaxObjectBytes} bytes).");
        }

        int partLength = (int)Math.Max(options.PartBytes, (digest.SizeBytes / MaxParts) + 1);
        await (digest.SizeBytes <= partLength
            ? PutWholeAsync(digest, content, cancellationToken)
            : PutPartsAsync(digest, content, partLength, cancellationToken));
    }

    private async Task PutWholeAsync(Digest digest, OutgoingContent content, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)digest.SizeBytes);
        int length = await content.ReadToEndAsync(buffer, digest, cancellationToken);
        using MemoryStream body = new(buffer, 0, length, writable: false);
        PutObjectRequest request = new()
        {
            BucketName = options.Bucket,
            Key = options.KeyOf(digest),
            InputStream = body,
            AutoCloseStream = false,
            UseChunkEncoding = false,
            DisablePayloadSigning = _isEncrypted,
            ContentType = ContentType,
        };
        request.Headers.ContentEncoding = content.ContentEncoding;
        await RunAsync(digest, () => client.PutObjectAsync(request, cancellationToken), cancellationToken);

        // Not after a failure: the client may still read it.
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private async Task PutPartsAsync(Digest digest, OutgoingContent content, int partLength, CancellationToken cancellationToken)
    {
        InitiateMultipartUploadRequest begin = new() { BucketName = options.Bucket, Key = options.KeyOf(digest), ContentType = ContentType };
        begin.Headers.ContentEncoding = content.ContentEncoding;
        string upload = (await RunAsync(digest, () => client.InitiateMultipartUploadAsync(begin, cancellationToken), cancellationToken)).UploadId;
        List<Task<PartETag>> parts = [];
        try
        {
            long total = 0;
            while (true)
            {
                byte[] buffer = ArrayPool<byte>.Shared.Rent(partLength);
                int length = await content.ReadAtLeastAsync(
                    buffer.AsMemory(0, partLength), partLength, throwOnEndOfStream: false, cancellationToken);
                if (length == 0)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    break;
                }

                total += length;
                parts.Add(PutPartAsync(digest, upload, parts.Count + 1, buffer, length, cancellationToken));
                if (parts.Count >= PartsInFlight)
                {
                    await parts[^PartsInFlight];
                }
            }

            if (content.ContentEncoding is null && total != digest.SizeBytes)
            {
                throw new ReprException(ReprErrorCode.Corrupt, $"The content of blob {digest} has {total} bytes. Send the blob again.");
            }

            List<PartETag> tags = [.. await Task.WhenAll(parts)];
            await RunAsync(
                digest,
                () => client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest
                    {
                        BucketName = options.Bucket,
                        Key = options.KeyOf(digest),
                        UploadId = upload,
                        PartETags = tags,
                    },
                    cancellationToken),
                cancellationToken);
        }
        catch
        {
            await ((Task)Task.WhenAll(parts)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await AbortAsync(digest, upload);
            throw;
        }
    }

    private async Task<PartETag> PutPartAsync(
        Digest digest, string upload, int number, byte[] buffer, int length, CancellationToken cancellationToken)
    {
        using MemoryStream body = new(buffer, 0, length, writable: false);
        UploadPartRequest request = new()
        {
            BucketName = options.Bucket,
            Key = options.KeyOf(digest),
            UploadId = upload,
            PartNumber = number,
            InputStream = body,
            PartSize = length,
            UseChunkEncoding = false,
            DisablePayloadSigning = _isEncrypted,
        };
        UploadPartResponse answer = await RunAsync(digest, () => client.UploadPartAsync(request, cancellationToken), cancellationToken);

        ArrayPool<byte>.Shared.Return(buffer);
        return new PartETag(number, answer.ETag);
    }

    private async Task AbortAsync(Digest digest, string upload)
    {
        try
        {
            await client.AbortMultipartUploadAsync(options.Bucket, options.KeyOf(digest), upload, CancellationToken.None);
        }
        catch (Exception exception) when (errors.Translate("abort an upload to", exception, CancellationToken.None) is not null)
        {
            // The failure that led here is the one to tell; a rule of the bucket for incomplete uploads removes the parts.
        }
    }

    private async Task<T> RunAsync<T>(Digest digest, Func<Task<T>> request, CancellationToken cancellationToken)
    {
        try
        {
            return await request();
        }
        catch (Exception exception) when (errors.Translate($"put blob {digest} into", exception, cancellationToken) is { } translated)
        {
            throw translated;
        }
    }
}
