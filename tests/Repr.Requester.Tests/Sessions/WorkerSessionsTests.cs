using Repr.Requester.Sessions;
using Repr.Testing;

namespace Repr.Requester.Tests.Sessions;

public sealed class WorkerSessionsTests : IAsyncLifetime
{
    private RequesterFixture _requester = null!;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task A_session_is_opened_although_nobody_waits_for_it_any_more()
    {
        await using DelayLine line = new(_requester.Worker.Endpoint, TimeSpan.FromMilliseconds(500));
        Uri endpoint = new(line.Endpoint);
        using CancellationTokenSource waited = new(TimeSpan.FromMilliseconds(100));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _requester.Sessions.GetAsync(endpoint, waited.Token));

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!_requester.Sessions.GetStatus().Any(static worker => worker.State == "connected"))
        {
            await Task.Delay(50, limit.Token);
        }
    }

    [Fact]
    public async Task All_who_want_a_worker_get_one_session()
    {
        WorkerSession[] sessions = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => _requester.Sessions.GetAsync(_requester.Worker.Endpoint, TestContext.Current.CancellationToken)));

        Assert.Single(sessions.Distinct());
    }

    [Fact]
    public async Task A_session_that_was_closed_is_opened_anew()
    {
        WorkerSession first = await _requester.Sessions.GetAsync(_requester.Worker.Endpoint, TestContext.Current.CancellationToken);
        await _requester.Sessions.CloseAsync(_requester.Worker.Endpoint);

        WorkerSession second = await _requester.Sessions.GetAsync(_requester.Worker.Endpoint, TestContext.Current.CancellationToken);

        Assert.NotNull(first.Loss);
        Assert.Null(second.Loss);
    }
}
