using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace Repr.Cas.S3;

/// <summary>Makes stores that keep blobs in a bucket of S3: Amazon's, Ceph, MinIO, or another that speaks its protocol.</summary>
public sealed class S3Plugin : IPlugin<IContentStore, S3StoreOptions>
{
    /// <inheritdoc/>
    public string Name => "s3";

    /// <inheritdoc/>
    public IContentStore Create(S3StoreOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        AmazonS3Config configuration = new()
        {
            // Requests are tried again by the SDK, with its exponential back-off and jitter, and by nobody else.
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = options.MaxRetries,
            Timeout = options.Timeout,
            ForcePathStyle = options.PathStyle ?? options.ServiceUrl is not null,

            // Most servers that are not Amazon's refuse the SDK's trailing checksums or store them as content. The host checks SHA-256.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (options.ServiceUrl is { } url)
        {
            configuration.ServiceURL = url.AbsoluteUri;
            configuration.AuthenticationRegion = options.Region ?? "us-east-1";
        }
        else if (options.Region is { } region)
        {
            configuration.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }

        try
        {
            AmazonS3Client client = (options.AccessKey, options.SessionToken) switch
            {
                (null, _) => new AmazonS3Client(configuration),
                ({ } key, null) => new AmazonS3Client(new BasicAWSCredentials(key, options.SecretKey), configuration),
                ({ } key, { } token) => new AmazonS3Client(new SessionAWSCredentials(key, options.SecretKey, token), configuration),
            };
            return new S3ContentStore(client, options, context.Time);
        }
        catch (AmazonClientException exception)
        {
            throw new ArgumentException($"Region: {exception.Message}", nameof(options), exception);
        }
    }
}
