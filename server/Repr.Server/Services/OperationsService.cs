using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Repr.Protocol.Reapi;
using Repr.Server.Reapi;
using Repr.Server.Security;

namespace Repr.Server.Services;

/// <summary>What the Remote Execution API v2 uses of google.longrunning: asking for an execution, and ending it.</summary>
/// <param name="operations">Null: this worker does not run such actions.</param>
internal sealed class OperationsService(ReapiOperations? operations) : Operations.OperationsBase
{
    /// <inheritdoc/>
    [Authorize(Policies.Execute)]
    public override Task<Operation> GetOperation(GetOperationRequest request, ServerCallContext context) =>
        Task.FromResult(ExecutionService.Require(operations).Require(request.Name).State);

    /// <inheritdoc/>
    [Authorize(Policies.Execute)]
    public override Task<Empty> CancelOperation(CancelOperationRequest request, ServerCallContext context)
    {
        ExecutionService.Require(operations).Require(request.Name).Cancel();
        return Task.FromResult(new Empty());
    }
}
