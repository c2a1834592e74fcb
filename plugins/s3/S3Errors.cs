using System.Net;
using Amazon.Runtime;
using Amazon.S3;

namespace Repr.Cas.S3;

/// <summary>Says what the SDK's failures mean.</summary>
/// <param name="where">What messages call the bucket.</param>
internal sealed class S3Errors(string where)
{
    // Amazon's and others' codes for "there is no space for you".
    private static readonly HashSet<string> Exhausted = new(StringComparer.Ordinal)
    {
        "QuotaExceeded", "EntityTooLarge", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage",
    };

    /// <summary>Whether the answer is that the object is not there, rather than the bucket.</summary>
    public static bool IsMissing(AmazonServiceException exception) =>
        exception.StatusCode == HttpStatusCode.NotFound && exception.ErrorCode != "NoSuchBucket";

    /// <summary>The failure to tell; null: not one of the server or the way to it.</summary>
    /// <param name="what">What was tried, as in "read blob x from".</param>
    /// <param name="exception">The failure.</param>
    /// <param name="cancellationToken">What would make it a cancellation.</param>
    public ReprException? Translate(string what, Exception exception, CancellationToken cancellationToken) => exception switch
    {
        AmazonS3Exception full when full.StatusCode == HttpStatusCode.InsufficientStorage || Exhausted.Contains(full.ErrorCode ?? "") =>
            new ReprException(ReprErrorCode.Exhausted, $"Could not {what} {where}: {Describe(full)}. Give it more space.", exception),
        AmazonS3Exception { ErrorCode: "NoSuchBucket" } => new ReprException(
            ReprErrorCode.Unavailable, $"Could not {what} {where}: there is no such bucket. Create it.", exception),
        AmazonS3Exception { StatusCode: HttpStatusCode.Forbidden } refused => new ReprException(
            ReprErrorCode.Unavailable,
            $"Could not {what} {where}: {Describe(refused)}. Check the credentials; they need s3:GetObject, s3:PutObject and s3:ListBucket.",
            exception),
        AmazonS3Exception answer => new ReprException(
            ReprErrorCode.Unavailable, $"Could not {what} {where}: {Describe(answer)}.", exception),
        AmazonClientException or AmazonServiceException or HttpRequestException or IOException or TimeoutException => new ReprException(
            ReprErrorCode.Unavailable,
            $"Could not {what} {where}: {exception.GetBaseException().Message.TrimEnd('.')}. Check that it runs and can be reached.",
            exception),
        OperationCanceledException when !cancellationToken.IsCancellationRequested => new ReprException(
            ReprErrorCode.Unavailable, $"Could not {what} {where}: it did not answer in time.", exception),
        _ => null,
    };

    // Not the message: servers may repeat the request in it.
    private static string Describe(AmazonS3Exception exception) =>
        $"the server answered {(int)exception.StatusCode}{(string.IsNullOrEmpty(exception.ErrorCode) ? "" : " " + exception.ErrorCode)}";
}
