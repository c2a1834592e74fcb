using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;

namespace Repr.Cas.AzureBlob;

/// <summary>Says what the client's failures mean.</summary>
/// <param name="where">What messages call the container.</param>
internal sealed class AzureErrors(string where)
{
    /// <summary>Whether the answer is that the blob is not there, rather than the container or the account.</summary>
    public static bool IsMissing(RequestFailedException exception) =>
        exception.Status == 404 && (string.IsNullOrEmpty(exception.ErrorCode) || exception.ErrorCode == BlobErrorCode.BlobNotFound);

    /// <summary>The failure to tell; null: not one of the server or the way to it.</summary>
    /// <param name="what">What was tried, as in "read blob x from".</param>
    /// <param name="exception">The failure.</param>
    /// <param name="cancellationToken">What would make it a cancellation.</param>
    public ReprException? Translate(string what, Exception exception, CancellationToken cancellationToken)
    {
        // When it has tried several times, the client throws all that happened; the last is as good as any.
        Exception last = exception is AggregateException { InnerExceptions: [.., { } latest] } ? latest : exception;
        return last switch
        {
            RequestFailedException { Status: 507 } or RequestFailedException { Status: 413 } => new ReprException(
                ReprErrorCode.Exhausted, $"Could not {what} {where}: {Describe((RequestFailedException)last)}. Give it more space.", exception),
            RequestFailedException { ErrorCode: "ContainerNotFound" } => new ReprException(
                ReprErrorCode.Unavailable, $"Could not {what} {where}: there is no such container. Create it.", exception),
            RequestFailedException { Status: 401 or 403 } refused => new ReprException(
                ReprErrorCode.Unavailable, $"Could not {what} {where}: {Describe(refused)}. Check the key or shared access signature.", exception),
            RequestFailedException { Status: > 0 } answer => new ReprException(
                ReprErrorCode.Unavailable, $"Could not {what} {where}: {Describe(answer)}.", exception),
            AuthenticationFailedException => new ReprException(
                ReprErrorCode.Unavailable,
                $"Could not {what} {where}: no credentials were found or accepted. Set SasToken or AccountKey, or give this machine an identity.",
                exception),
            RequestFailedException or HttpRequestException or IOException or TimeoutException => new ReprException(
                ReprErrorCode.Unavailable,
                $"Could not {what} {where}: {last.GetBaseException().Message.TrimEnd('.')}. Check that it runs and can be reached.",
                exception),
            OperationCanceledException when !cancellationToken.IsCancellationRequested => new ReprException(
                ReprErrorCode.Unavailable, $"Could not {what} {where}: it did not answer in time.", exception),
            _ => null,
        };
    }

    // Not the message: it has the answer's headers, and what was signed.
    private static string Describe(RequestFailedException exception) =>
        $"the server answered {exception.Status}{(string.IsNullOrEmpty(exception.ErrorCode) ? "" : " " + exception.ErrorCode)}";
}
