using System.Diagnostics;
using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Sessions;

public sealed class FrozenWorkerTests : IAsyncLifetime
{
    private RequesterFixture _requester = null!;
    private FreezingProxy _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        _requester = await RequesterFixture.StartAsync();
        _proxy = new FreezingProxy(_requester.Worker.Endpoint);
    }

    public async ValueTask DisposeAsync()
    {
        _proxy.Dispose();
        await _requester.DisposeAsync();
    }

    [Fact]
    public async Task A_worker_that_freezes_in_the_middle_of_an_action_is_given_up()
    {
        _requester.Worker.RunTool = async (_, cancellationToken) =>
        {
            _proxy.Freeze();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return new Wire.Completed();
        };
        Wire.Run run = _requester.NewRun();
        run.Endpoint = _proxy.Endpoint.ToString();

        Stopwatch watch = Stopwatch.StartNew();
        Wire.DoorReply reply = await _requester.CompleteAsync(run);
        TestContext.Current.SendDiagnosticMessage("Given up after {0:0.0} s", watch.Elapsed.TotalSeconds);

        Assert.Contains(reply.NotRun?.Code, new[] { MessageCodes.ActionLost, MessageCodes.WorkerUnreachable });
    }

    [Fact]
    public async Task A_worker_that_never_answers_is_unreachable()
    {
        _proxy.Freeze();
        Wire.Run run = _requester.NewRun();
        run.Endpoint = _proxy.Endpoint.ToString();

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(MessageCodes.WorkerUnreachable, reply.NotRun?.Code);
    }
}
