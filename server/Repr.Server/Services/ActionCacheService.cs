using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Reapi;
using Repr.Server.Results.Shared;
using Repr.Server.Security;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Services;

/// <summary>
/// The action cache of the Remote Execution API v2: see <see cref="ActionResults"/>. Any instance name is accepted; under
/// <see cref="StoreInstances.DiskName"/> are no results of actions, but what the workers of a farm know together.
/// </summary>
internal sealed class ActionCacheService(ActionResults results, FarmKnowledge knowledge) : ActionCache.ActionCacheBase
{
    /// <inheritdoc/>
    [Authorize(Policies.Read)]
    public override async Task<ReapiActionResult> GetActionResult(GetActionResultRequest request, ServerCallContext context)
    {
        try
        {
            request.DigestFunction.RequireSha256();
            CoreDigest action = request.ActionDigest.ToCore();
            if (request.InstanceName == StoreInstances.DiskName)
            {
                return await knowledge.ReadAsync(action, context.CancellationToken) is { } message
                    ? new ReapiActionResult { StdoutRaw = UnsafeByteOperations.UnsafeWrap(message) }
                    : throw new RpcException(new Grpc.Core.Status(StatusCode.NotFound, "Nothing is known under this name."));
            }

            return await results.FindAsync(action, context.CancellationToken)
                ?? throw new RpcException(new Grpc.Core.Status(
                    StatusCode.NotFound, $"There is no result for the action {action}, or not all of its blobs are here."));
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
    }

    /// <inheritdoc/>
    [Authorize(Policies.WriteResult)]
    public override async Task<ReapiActionResult> UpdateActionResult(UpdateActionResultRequest request, ServerCallContext context)
    {
        try
        {
            request.DigestFunction.RequireSha256();
            ReapiActionResult result = request.ActionResult ?? throw ReapiErrors.Invalid("The result of the action is missing.");
            if (request.InstanceName == StoreInstances.DiskName)
            {
                await knowledge.TakeAsync(request.ActionDigest.ToCore(), result.StdoutRaw.Memory, context.CancellationToken);
                return new ReapiActionResult();
            }

            await results.PutAsync(request.ActionDigest.ToCore(), result, context.CancellationToken);
            return result;
        }
        catch (ReprException failure)
        {
            throw failure.ToRpc();
        }
    }
}
