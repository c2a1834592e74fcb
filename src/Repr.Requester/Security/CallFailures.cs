using System.Security.Authentication;
using Grpc.Core;

namespace Repr.Requester.Security;

/// <summary>Reads out of a failed call what it says about who knows whom.</summary>
internal static class CallFailures
{
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
