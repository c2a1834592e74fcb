using System.Text;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Services;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Tests.Reapi;

/// <summary>One call of Execute or WaitExecution, read message by message. Disposing it is a client that goes away.</summary>
internal sealed class TestExecution(AsyncServerStreamingCall<Operation> call) : IDisposable
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The last message.</summary>
    public Operation Last { get; private set; } = new();

    public ExecutionStage.Types.Value Stage => Last.Metadata.Unpack<ExecuteOperationMetadata>().Stage;

    public static TestExecution Start(ReapiClient client, CoreDigest action, bool skipCache = false) => new(
        client.Execution.Execute(
            new ExecuteRequest { ActionDigest = action.ToReapi(), SkipCacheLookup = skipCache }, cancellationToken: Cancellation));

    public static async Task<TestExecution> StartAsync(ReapiClient client, TestAction action)
    {
        TestExecution execution = Start(client, await action.UploadAsync(client));
        await execution.NextAsync();
        return execution;
    }

    /// <summary>Runs an action to its end.</summary>
    public static async Task<ExecuteResponse> RunAsync(ReapiClient client, TestAction action) =>
        await RunAsync(client, await action.UploadAsync(client));

    /// <summary>Runs an action to its end.</summary>
    public static async Task<ExecuteResponse> RunAsync(ReapiClient client, CoreDigest action, bool skipCache = false)
    {
        using TestExecution execution = Start(client, action, skipCache);
        return await execution.EndAsync();
    }

    /// <summary>Runs an action that is expected to have a verdict.</summary>
    public static async Task<ReapiActionResult> ResultAsync(ReapiClient client, TestAction action)
    {
        ExecuteResponse response = await RunAsync(client, action);
        Assert.True(response.Status.Code == 0, response.Status.Message);
        return response.Result;
    }

    public async Task NextAsync()
    {
        Assert.True(await call.ResponseStream.MoveNext(Cancellation), "The stream ended.");
        Last = call.ResponseStream.Current;
    }

    public async Task UntilAsync(ExecutionStage.Types.Value stage)
    {
        while (Last.Metadata is null || Stage != stage)
        {
            await NextAsync();
        }
    }

    public async Task<ExecuteResponse> EndAsync()
    {
        while (!Last.Done)
        {
            await NextAsync();
        }

        Assert.Equal(ExecutionStage.Types.Value.Completed, Stage);
        Assert.False(await call.ResponseStream.MoveNext(Cancellation), "The stream goes on after its end.");
        return Last.Response.Unpack<ExecuteResponse>();
    }

    public static async Task<string> TextAsync(ReapiClient client, Protocol.Reapi.Digest? digest) =>
        digest is null ? "" : Encoding.UTF8.GetString(await client.ReadAsync(ReapiClient.ReadName(digest.ToCore())));

    public void Dispose() => call.Dispose();
}
