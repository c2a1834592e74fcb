using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Repr.Protocol.Reapi;
using Repr.Server.Reapi;

namespace Repr.Server.Services;

/// <summary>What the Remote Execution API v2 uses of google.longrunning: asking for an execution, and ending it.</summary>
/// <param name="operations">Null: this worker does not run such actions.</param>
internal sealed class OperationsService(ReapiOperations? operations) : Operations.OperationsBase
{
    /// <inheritdoc/>
    public override Task<Operation> GetOperation(GetOperationRequest request, ServerCallContext context) =>
        Task.FromResult(ExecutionService.Require(operations).Require(request.Name).State);

    /// <inheritdoc/>
    public override Task<Empty> CancelOperation(CancelOperationRequest request, ServerCallContext context)
    {
        ExecutionService.Require(operations).Require(request.Name).Cancel();
        return Task.FromResult(new Empty());
    }
}
