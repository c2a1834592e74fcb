using System.Security.Authentication;
using Grpc.Core;

namespace Repr.Requester.Security;

/// <summary>Reads out of a failed call whether it is the call that failed, and what it says about who knows whom. Pure; safe for concurrent use.</summary>
internal static class CallFailures
{
    /// <summary>
    /// Whether that is how a stream of gRPC ends that fails: reads tell it as <see cref="RpcException"/>, but a write on which the connection breaks
    /// throws the transport's <see cref="IOException"/>, one after the end <see cref="InvalidOperationException"/>, and a call that was disposed of any of
    /// the others.
    /// </summary>
    public static bool IsEndOfStream(Exception exception) => exception
        is RpcException or IOException or HttpRequestException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    /// <summary>How a stream ended: as the failure says or, when that is of a write, which says less, as the call does. Null: nobody knows.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="status">The call's status; throws <see cref="InvalidOperationException"/> before its end. Null: there is no call.</param>
    public static RpcException? FindStatus(Exception exception, Func<Status>? status)
    {
        try
        {
            return exception as RpcException ?? exception.InnerException as RpcException ?? (status is null ? null : new RpcException(status()));
        }
        catch (InvalidOperationException)
        {
            return null; // It has not ended.
        }
    }

    /// <summary>A failure that was thrown on this machine while the call was made; null: there is none.</summary>
    public static ReprException? FindOwn(RpcException exception) => Causes(exception).OfType<ReprException>().FirstOrDefault();

    /// <summary>Why TLS failed, as a sentence without its full stop; null: it did not.</summary>
    public static string? FindTls(Exception exception) =>
        Causes(exception).OfType<AuthenticationException>().LastOrDefault()?.GetBaseException().Message.TrimEnd('.');

    private static IEnumerable<Exception> Causes(Exception exception)
    {
        for (Exception? cause = exception is RpcException rpc ? rpc.Status.DebugException : exception; cause is not null; cause = cause.InnerException)
        {
            yield return cause;
        }
    }
}
