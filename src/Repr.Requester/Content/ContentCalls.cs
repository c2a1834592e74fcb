using Grpc.Core;
using Repr.Requester.Security;

namespace Repr.Requester.Content;

/// <summary>Calls of a worker's content store. Every failure becomes a <see cref="ReprException"/>. Pure; safe for concurrent use.</summary>
internal static class ContentCalls
{
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
        catch (ObjectDisposedException exception)
        {
            // The session was lost, and another one opened, between two calls of an action.
            cancellationToken.ThrowIfCancellationRequested();
            throw new ReprException(ReprErrorCode.Unavailable, "The session with the worker's content store is closed.", exception);
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
