using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Hosting;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Reapi;
using Repr.Server.Security;

namespace Repr.Server.Services;

/// <summary>
/// Execution of the Remote Execution API v2: streams the states of a <see cref="ReapiOperation"/>. All rules are in
/// <see cref="ReapiOperations"/>. Any instance name is accepted.
/// </summary>
/// <param name="operations">Null: this worker does not run such actions.</param>
/// <param name="lifetime">A stream would keep a stopping worker alive.</param>
internal sealed class ExecutionService(ReapiOperations? operations, IHostApplicationLifetime lifetime) : Protocol.Reapi.Execution.ExecutionBase
{
    private const string RequestMetadataHeader = "build.bazel.remote.execution.v2.requestmetadata-bin";

    /// <inheritdoc/>
    [Authorize(Policies.Execute)]
    public override async Task Execute(ExecuteRequest request, IServerStreamWriter<Operation> responseStream, ServerCallContext context)
    {
        try
        {
            request.DigestFunction.RequireSha256();
            ReapiOperation operation = await Require(operations).StartAsync(
                request.ActionDigest.ToCore(), request.SkipCacheLookup, DescriptionIn(context.RequestHeaders), context.CancellationToken);
            await SendAsync(operation, responseStream, context);
        }
        catch (ReapiException failure)
        {
            throw failure.Status.ToRpc();
        }
        catch (ReprException failure)
        {
            throw ReapiException.From(failure).Status.ToRpc();
        }
    }

    /// <inheritdoc/>
    [Authorize(Policies.Execute)]
    public override async Task WaitExecution(
        WaitExecutionRequest request, IServerStreamWriter<Operation> responseStream, ServerCallContext context)
    {
        ReapiOperation operation = Require(operations).Require(request.Name);
        if (!operation.TryJoin())
        {
            throw ReapiErrors.NoOperation(request.Name);
        }

        await SendAsync(operation, responseStream, context);
    }

    /// <summary>Refuses when actions are not run here.</summary>
    public static ReapiOperations Require(ReapiOperations? operations) => operations ?? throw new RpcException(new Grpc.Core.Status(
        StatusCode.Unimplemented,
        "This worker is a cache only. Start it with --reapi-execution to let it run actions of the Remote Execution API."));

    private static string? DescriptionIn(Metadata headers)
    {
        try
        {
            return headers.GetValueBytes(RequestMetadataHeader) is { } bytes
                && RequestMetadata.Parser.ParseFrom(bytes) is { ActionMnemonic.Length: > 0 } metadata
                    ? $"{metadata.ActionMnemonic} {metadata.TargetId}"
                    : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null; // it is for people only
        }
    }

    private async Task SendAsync(ReapiOperation operation, IServerStreamWriter<Operation> stream, ServerCallContext context)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await foreach (Operation state in operation.WatchAsync(ended.Token))
            {
                await stream.WriteAsync(state, ended.Token);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "The worker is stopping. Try again, or elsewhere."));
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or InvalidOperationException && ended.IsCancellationRequested)
        {
            // The client is gone; the operation knows.
        }
    }
}
