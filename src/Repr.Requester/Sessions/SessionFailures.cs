using Grpc.Core;
using Repr.Requester.Actions;
using Repr.Requester.Security;

namespace Repr.Requester.Sessions;

/// <summary>Why a session cannot be opened: one sentence for a person, and its code.</summary>
internal static class SessionFailures
{
    private const string SettingsHint = "the requester's settings file (REPR_CONFIG)";

    /// <summary>The failure of an attempt to open a session.</summary>
    /// <param name="endpoint">The worker.</param>
    /// <param name="options">How it was tried.</param>
    /// <param name="exception">What went wrong.</param>
    /// <param name="isTimeOut">Whether the time for it was over.</param>
    public static ActionFailureException ToActionFailure(
        Uri endpoint,
        RequesterOptions options,
        Exception exception,
        bool isTimeOut)
    {
        RpcException? rpc = CallFailures.FindCall(exception);
        ReprException? own = exception as ReprException ?? (rpc is null ? null : CallFailures.FindOwn(rpc));
        if ((CallFailures.FindTls(exception) ?? (rpc is null ? null : CallFailures.FindTls(rpc))) is { } tls)
        {
            return new ActionFailureException(
                MessageCodes.WorkerNotTrusted,
                ReprErrorCode.Unauthenticated,
                $"There is no secure connection to the worker at {endpoint}: {tls}; see section Tls of {SettingsHint}.",
                exception);
        }

        if (own?.Code is ReprErrorCode.Unauthenticated || (own is null && rpc?.StatusCode == StatusCode.Unauthenticated))
        {
            string hint = own is not null ? "" : options.Access.FindCredential(endpoint) is null
                ? $"; no entry of section Credentials of {SettingsHint} is for this worker"
                : $"; see section Credentials of {SettingsHint}";
            return new ActionFailureException(
                MessageCodes.RequesterNotKnown,
                ReprErrorCode.Unauthenticated,
                $"The worker at {endpoint} does not let this requester in: {(own?.Message ?? rpc!.Status.Detail).TrimEnd('.')}{hint}.",
                exception);
        }

        if (own?.Code is ReprErrorCode.PermissionDenied || (own is null && rpc?.StatusCode == StatusCode.PermissionDenied))
        {
            return new ActionFailureException(
                MessageCodes.NotAllowed,
                ReprErrorCode.PermissionDenied,
                $"The worker at {endpoint} does not allow this: {(own?.Message ?? rpc!.Status.Detail).TrimEnd('.')}; ask whoever runs it.",
                exception);
        }

        if (own?.Code is ReprErrorCode.InvalidRequest || rpc?.StatusCode == StatusCode.Unimplemented)
        {
            string detail = own is null ? "what answers there is not a worker of Repr" : own.Message.TrimEnd('.');
            return new ActionFailureException(
                MessageCodes.VersionsDoNotTalk, ReprErrorCode.InvalidRequest, $"The worker at {endpoint} refuses this requester: {detail}; use the same version on both sides.", exception);
        }

        if (own?.Code is ReprErrorCode.Exhausted)
        {
            return new ActionFailureException(MessageCodes.WorkerFull, ReprErrorCode.Exhausted, $"The worker at {endpoint} takes no session: {own.Message}", exception);
        }

        string why = isTimeOut ? $"it did not answer within {options.ConnectTimeout.TotalSeconds:0} s" : Describe(exception);
        return new ActionFailureException(
            MessageCodes.WorkerUnreachable, ReprErrorCode.Unavailable, $"The worker at {endpoint} cannot be reached: {why}; start it or correct ReprEndpoint.", exception);
    }

    /// <summary>What went wrong, without a full stop.</summary>
    public static string Describe(Exception exception) =>
        (exception is RpcException rpc ? rpc.Status.DebugException?.GetBaseException().Message ?? rpc.Status.Detail : exception.Message).TrimEnd(
            '.');
}
