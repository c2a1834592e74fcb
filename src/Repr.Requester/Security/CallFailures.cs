using System.Security.Authentication;
using Grpc.Core;

namespace Repr.Requester.Security;

/// <summary>Reads out of a failed call whether it is the call that failed, and what it says about who knows whom. Pure; safe for concurrent use.</summary>
internal static class CallFailures
{
    /// <summary>
    /// Whether that is how a stream of gRPC ends that fails: reads tell it as <see cref="RpcException"/>, but a write on which the connection breaks
    /// throws the transport's <see cref="IOException"/>, one after the end <see cref="InvalidOperationException"/> or a cancellation that nobody asked for, and a
    /// call that was disposed of any of the others.
    /// </summary>
    public static bool IsEndOfStream(Exception exception) => exception
        is RpcException or IOException or HttpRequestException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    /// <summary>
    /// Sends the first message of a stream, unless that has ended: why it has is what the next read throws, while a write says less, and something else from
    /// one time to the next.
    /// </summary>
    public static async Task GreetAsync<TMessage>(IClientStreamWriter<TMessage> stream, TMessage message, CancellationToken cancellationToken)
    {
        try
        {
            await stream.WriteAsync(message, cancellationToken);
        }
        catch (Exception exception) when (IsEndOfStream(exception) && !cancellationToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>How a call ended, as its failure or the cause of that says; null: it does not.</summary>
    public static RpcException? FindCall(Exception exception) => exception as RpcException ?? exception.InnerException as RpcException;

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
