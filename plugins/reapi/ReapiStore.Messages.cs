using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Cas.Reapi;

// Messages are results in the server's action cache: a message is what the action "said".
internal sealed partial class ReapiStore
{
    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>?> FindMessageAsync(CoreDigest name, CancellationToken cancellationToken)
    {
        ReapiChannel store = await _connection.GetStoreAsync(cancellationToken);
        GetActionResultRequest request = new()
        {
            InstanceName = store.InstanceName,
            ActionDigest = ToAction(name),
            InlineStdout = true,
            DigestFunction = DigestFunction.Types.Value.Sha256,
        };
        ReapiActionResult? found = await _connection.RetryAsync(
            async token =>
            {
                try
                {
                    return await store.Results.GetActionResultAsync(request, deadline: _connection.Deadline, cancellationToken: token);
                }
                catch (RpcException missing) when (missing.StatusCode == StatusCode.NotFound)
                {
                    return null;
                }
            },
            cancellationToken);
        return found?.StdoutRaw.Memory;
    }

    /// <inheritdoc/>
    public async ValueTask PutMessageAsync(CoreDigest name, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        ReapiChannel store = await _connection.GetStoreAsync(cancellationToken);
        UpdateActionResultRequest request = new()
        {
            InstanceName = store.InstanceName,
            ActionDigest = ToAction(name),
            ActionResult = new ReapiActionResult { StdoutRaw = UnsafeByteOperations.UnsafeWrap(message) },
            DigestFunction = DigestFunction.Types.Value.Sha256,
        };
        await _connection.RetryAsync(
            token => store.Results.UpdateActionResultAsync(request, deadline: _connection.Deadline, cancellationToken: token).ResponseAsync,
            cancellationToken);
    }

    // Servers take the name of no action to have no bytes.
    private static Protocol.Reapi.Digest ToAction(CoreDigest name) => new() { Hash = name.HashText, SizeBytes = 1 };
}
