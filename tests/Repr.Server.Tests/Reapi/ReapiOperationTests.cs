using Microsoft.Extensions.Time.Testing;
using Repr.Protocol.Reapi;
using Repr.Server.Reapi;
using Stage = Repr.Protocol.Reapi.ExecutionStage.Types.Value;

namespace Repr.Server.Tests.Reapi;

public sealed class ReapiOperationTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly ReapiOperation _operation;

    public ReapiOperationTests() => _operation = new ReapiOperation(Repr.Digest.Compute([1]), _time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _operation.Dispose();

    [Fact]
    public async Task It_is_stopped_when_nobody_has_waited_for_ten_seconds()
    {
        await JoinAndLeaveAsync();
        _time.Advance(ReapiOperation.AbandonedAfter - TimeSpan.FromMilliseconds(1));
        Assert.False(_operation.Stopped.IsCancellationRequested);

        _time.Advance(TimeSpan.FromMilliseconds(1));

        await StoppedAsync();
        Assert.False(_operation.TryJoin());
    }

    [Fact]
    public async Task It_goes_on_for_one_who_came_back_and_counts_from_his_leaving()
    {
        await JoinAndLeaveAsync();
        _time.Advance(ReapiOperation.AbandonedAfter / 2);
        await JoinAndLeaveAsync();
        _time.Advance(ReapiOperation.AbandonedAfter / 2);
        await Task.Yield();
        Assert.False(_operation.Stopped.IsCancellationRequested);

        _time.Advance(ReapiOperation.AbandonedAfter / 2);

        await StoppedAsync();
    }

    [Fact]
    public async Task One_of_two_may_leave()
    {
        Assert.True(_operation.TryJoin());
        await JoinAndLeaveAsync();

        _time.Advance(10 * ReapiOperation.AbandonedAfter);

        Assert.False(_operation.Stopped.IsCancellationRequested);
    }

    [Fact]
    public async Task Its_end_is_told_to_those_who_come_later()
    {
        _operation.Start();
        Assert.Equal(Stage.Executing, _operation.State.Metadata.Unpack<ExecuteOperationMetadata>().Stage);
        _operation.Complete(new ExecuteResponse { Message = "m" });
        _operation.Cancel();

        Assert.True(_operation.TryJoin());
        List<Operation> told = [];
        await foreach (Operation state in _operation.WatchAsync(Cancellation))
        {
            told.Add(state);
        }

        Assert.True(Assert.Single(told).Done);
        Assert.Equal("m", told[0].Response.Unpack<ExecuteResponse>().Message);
    }

    private async Task JoinAndLeaveAsync()
    {
        Assert.True(_operation.TryJoin());
        await foreach (Operation state in _operation.WatchAsync(Cancellation))
        {
            Assert.False(state.Done);
            break;
        }
    }

    // The delay's end goes through the thread pool.
    private async Task StoppedAsync()
    {
        TaskCompletionSource stopped = new();
        await using CancellationTokenRegistration registration = _operation.Stopped.Register(stopped.SetResult);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }
}
