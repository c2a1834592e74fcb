using Google.Protobuf.WellKnownTypes;
using Repr.Protocol.Reapi;

namespace Repr.Server.Reapi;

/// <summary>An execution that cannot be begun or has no result, with the status that the Remote Execution API asks for.</summary>
internal sealed class ReapiException(Status status) : Exception(status.Message)
{
    /// <summary>What the client is told.</summary>
    public Status Status { get; } = status;

    /// <summary>The request is wrong, and stays wrong.</summary>
    public static ReapiException Invalid(string message) => new(NewStatus(Code.InvalidArgument, message));

    /// <summary>Something must be done before it can succeed.</summary>
    public static ReapiException Unmet(string message) => new(NewStatus(Code.FailedPrecondition, message));

    /// <summary>Blobs are not in the store: the client uploads them and tries again.</summary>
    public static ReapiException Missing(IReadOnlyCollection<Digest> digests)
    {
        PreconditionFailure failure = new();
        failure.Violations.AddRange(digests.Select(digest => new PreconditionFailure.Types.Violation
        {
            Type = "MISSING",
            Subject = $"blobs/{digest}",
        }));
        Status status = NewStatus(
            Code.FailedPrecondition, $"{digests.Count} blobs of the action are not in this store, among them {digests.First()}. Upload them first.");
        status.Details.Add(Any.Pack(failure));
        return new ReapiException(status);
    }

    /// <summary>The same for a failure of ours.</summary>
    public static ReapiException From(ReprException failure) => new(NewStatus(
        failure.Code switch
        {
            ReprErrorCode.InvalidRequest => Code.InvalidArgument,
            ReprErrorCode.Exhausted => Code.ResourceExhausted,
            ReprErrorCode.Unavailable => Code.Unavailable,
            ReprErrorCode.Cancelled => Code.Cancelled,
            _ => Code.Internal,
        },
        failure.Message));

    /// <summary>A status with a message.</summary>
    public static Status NewStatus(Code code, string message) => new() { Code = (int)code, Message = message };
}
