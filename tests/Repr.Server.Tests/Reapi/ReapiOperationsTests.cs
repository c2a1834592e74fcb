using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Services;
using CoreDigest = Repr.Digest;
using Stage = Repr.Protocol.Reapi.ExecutionStage.Types.Value;

namespace Repr.Server.Tests.Reapi;

/// <summary>The life of operations: stages, queue, joining, leaving, cancelling. The worker has two slots and a queue of four.</summary>
public sealed class ReapiOperationsTests(ReapiWorkerFixture worker) : IClassFixture<ReapiWorkerFixture>, IAsyncDisposable
{
    private readonly ReapiClient _client = new(worker);
    private readonly List<TestExecution> _begun = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // The next test finds an idle worker.
    public async ValueTask DisposeAsync()
    {
        foreach (TestExecution execution in _begun.Where(execution => !execution.Last.Done))
        {
            await CancelAsync(execution.Last.Name);
            await execution.EndAsync();
            execution.Dispose();
        }

        _client.Dispose();
    }

    [Fact]
    public async Task An_action_waits_for_a_slot_runs_and_ends()
    {
        TestExecution first = await BeginAsync(TestAction.Endless());
        TestExecution second = await BeginAsync(TestAction.Endless());
        await first.UntilAsync(Stage.Executing);
        await second.UntilAsync(Stage.Executing);
        TestAction action = TestAction.Endless();
        TestExecution third = await BeginAsync(action);
        Assert.Equal(Stage.Queued, third.Stage);
        Assert.False(third.Last.Done);

        await CancelAsync(first.Last.Name);

        await third.UntilAsync(Stage.Executing);
        ExecuteOperationMetadata metadata = third.Last.Metadata.Unpack<ExecuteOperationMetadata>();
        Assert.Equal(CoreDigest.Compute(Google.Protobuf.MessageExtensions.ToByteArray(action.Action)).HashText, metadata.ActionDigest.Hash);
        Assert.Equal((int)StatusCode.Cancelled, (await first.EndAsync()).Status.Code);
    }

    [Fact]
    public async Task A_full_queue_is_resource_exhaustion_and_says_what_to_do()
    {
        for (int i = 0; i < 6; i++)
        {
            await BeginAsync(TestAction.Endless());
        }

        RpcException refused = await ReapiClient.AssertFailsAsync(
            StatusCode.ResourceExhausted, () => TestExecution.RunAsync(_client, TestAction.Shell("true")));

        Assert.Contains("--queue-limit", refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Equal_actions_are_run_once_for_all_who_ask()
    {
        CoreDigest action = await TestAction.Shell("sleep 1; cat /proc/sys/kernel/random/uuid").UploadAsync(_client);
        ExecuteResponse[] responses = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => TestExecution.RunAsync(_client, action)));

        Assert.Single(responses.Select(response => response.Result.StdoutDigest).Distinct());
    }

    [Fact]
    public async Task Those_that_are_not_to_be_cached_are_run_for_each()
    {
        TestAction action = TestAction.Shell("sleep 0.3; cat /proc/sys/kernel/random/uuid");
        action.Action.DoNotCache = true;
        CoreDigest digest = await action.UploadAsync(_client);
        ExecuteResponse[] responses = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => TestExecution.RunAsync(_client, digest)));

        Assert.Equal(3, responses.Select(response => response.Result.StdoutDigest).Distinct().Count());
    }

    [Fact]
    public async Task A_client_that_lost_its_connection_finds_the_operation_again()
    {
        TestExecution execution = await TestExecution.StartAsync(_client, TestAction.Shell("sleep 1; echo end"));
        string name = execution.Last.Name;
        execution.Dispose();

        using TestExecution again = Wait(name);
        ExecuteResponse response = await again.EndAsync();
        using TestExecution late = Wait(name);

        Assert.Equal(name, again.Last.Name);
        Assert.Equal("end\n", await TestExecution.TextAsync(_client, response.Result.StdoutDigest));
        Assert.Equal(response, await late.EndAsync());
    }

    [Fact]
    public async Task An_operation_that_nobody_waits_for_is_stopped()
    {
        TestExecution execution = await TestExecution.StartAsync(_client, TestAction.Endless());
        await execution.UntilAsync(Stage.Executing);
        string name = execution.Last.Name;
        execution.Dispose();

        Operation operation;
        do
        {
            await Task.Delay(200, Cancellation);
            operation = await _client.Operations.GetOperationAsync(new GetOperationRequest { Name = name }, cancellationToken: Cancellation);
        }
        while (!operation.Done);

        Assert.Equal((int)StatusCode.Cancelled, operation.Response.Unpack<ExecuteResponse>().Status.Code);
    }

    [Fact]
    public async Task A_cancelled_operation_ends_for_all_and_the_action_can_be_run_again()
    {
        CoreDigest action = await TestAction.Endless().UploadAsync(_client);
        using TestExecution one = TestExecution.Start(_client, action);
        using TestExecution other = TestExecution.Start(_client, action);
        await one.UntilAsync(Stage.Executing);
        await other.UntilAsync(Stage.Executing);
        Assert.Equal(one.Last.Name, other.Last.Name);

        await CancelAsync(one.Last.Name);

        Assert.Equal((int)StatusCode.Cancelled, (await one.EndAsync()).Status.Code);
        Assert.Equal((int)StatusCode.Cancelled, (await other.EndAsync()).Status.Code);
        TestExecution next = TestExecution.Start(_client, action);
        _begun.Add(next);
        await next.UntilAsync(Stage.Executing);
        Assert.NotEqual(one.Last.Name, next.Last.Name);
    }

    [Fact]
    public async Task Unknown_operations_are_not_found()
    {
        string name = $"operations/{Guid.NewGuid()}";
        using TestExecution waiting = Wait(name);

        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, () => waiting.NextAsync());
        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, () => CancelAsync(name));
        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, async () => await _client.Operations.GetOperationAsync(
            new GetOperationRequest { Name = name }, cancellationToken: Cancellation));
    }

    private async Task<TestExecution> BeginAsync(TestAction action)
    {
        TestExecution execution = await TestExecution.StartAsync(_client, action);
        _begun.Add(execution);
        return execution;
    }

    private TestExecution Wait(string name) =>
        new(_client.Execution.WaitExecution(new WaitExecutionRequest { Name = name }, cancellationToken: Cancellation));

    private async Task<Empty> CancelAsync(string name) =>
        await _client.Operations.CancelOperationAsync(new CancelOperationRequest { Name = name }, cancellationToken: CancellationToken.None);
}
