using Google.Protobuf;
using Grpc.Core;
using Repr.Server.Reapi;
using DigestFunction = Repr.Protocol.Reapi.DigestFunction;

namespace Repr.Server.Services;

/// <summary>The only place where failures become the statuses that the Remote Execution API asks for.</summary>
internal static class ReapiErrors
{
    /// <summary>The gRPC exception for a failure of ours.</summary>
    public static RpcException ToRpc(this ReprException failure) => new(new Status(CodeOf(failure), failure.Message));

    /// <summary>The gRPC exception for a status, with its details.</summary>
    public static RpcException ToRpc(this Protocol.Reapi.Status status) => new(
        new Status((StatusCode)status.Code, status.Message), new Metadata { { "grpc-status-details-bin", status.ToByteArray() } });

    /// <summary>The per-blob status of a batch for a failure of ours.</summary>
    public static Protocol.Reapi.Status ToStatus(this ReprException failure) => new() { Code = (int)CodeOf(failure), Message = failure.Message };

    /// <summary>The call itself is wrong.</summary>
    public static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));

    /// <summary>Checks that a request's digests are of the function that Repr speaks, SHA-256; left open means that too.</summary>
    /// <exception cref="RpcException">It is another function; some are as long as SHA-256.</exception>
    public static void RequireSha256(this DigestFunction.Types.Value function)
    {
        if (function is not (DigestFunction.Types.Value.Unknown or DigestFunction.Types.Value.Sha256))
        {
            throw Invalid($"The digest function {function} is not supported; use SHA256.");
        }
    }

    /// <summary>The blob is not here.</summary>
    public static ReprException NotFound(Digest digest) =>
        new(ReprErrorCode.InvalidInput, $"The blob {digest} is not in this store. Upload it first.");

    /// <summary>No operation has this name.</summary>
    public static RpcException NoOperation(string name) => new(new Status(
        StatusCode.NotFound, $"There is no operation '{name}': it was never begun here, is long over, or was stopped. Execute the action again."));

    /// <summary>The operation of a name.</summary>
    /// <exception cref="RpcException">There is none.</exception>
    public static ReapiOperation Require(this ReapiOperations operations, string name) => operations.Find(name) ?? throw NoOperation(name);

    private static StatusCode CodeOf(ReprException failure) => failure.Code switch
    {
        ReprErrorCode.InvalidRequest or ReprErrorCode.Corrupt => StatusCode.InvalidArgument,
        ReprErrorCode.Exhausted => StatusCode.ResourceExhausted,
        ReprErrorCode.Unavailable => StatusCode.Unavailable,
        ReprErrorCode.InvalidInput => StatusCode.NotFound,
        _ => StatusCode.Internal,
    };
}
