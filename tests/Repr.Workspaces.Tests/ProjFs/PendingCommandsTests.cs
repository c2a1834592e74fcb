using System.Collections.Concurrent;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Tests.ProjFs;

/// <summary>Each command is answered once, whatever comes first.</summary>
public sealed class PendingCommandsTests
{
    private readonly ConcurrentQueue<(int Id, int Result)> _completed = new();
    private int _late;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void An_answer_that_is_there_is_not_completed()
    {
        Assert.Equal(7, New().Run(1, _ => ValueTask.FromResult(7)));
        Assert.Empty(_completed);
    }

    [Fact]
    public async Task A_late_answer_is_completed_and_its_number_free_before()
    {
        PendingCommands? commands = null;
        TaskCompletionSource<int> first = new();
        ConcurrentQueue<int> counts = new();
        TaskCompletionSource done = new();
        commands = new PendingCommands(8, TimeSpan.FromHours(1), TimeProvider.System, (_, _) =>
        {
            counts.Enqueue(commands!.Count);
            done.SetResult();
        }, () => { });

        Assert.Equal(HResult.IoPending, commands.Run(1, async _ => await first.Task));
        Assert.Equal(1, commands.Count);
        first.SetResult(5);
        await done.Task.WaitAsync(Cancellation);

        Assert.Equal([0], counts);
    }

    [Fact]
    public async Task A_cancelled_command_is_never_completed_and_the_next_one_with_its_number_once()
    {
        PendingCommands commands = New();
        TaskCompletionSource<int> heedless = new();
        TaskCompletionSource<int> next = new();
        CancellationToken seen = default;
        Assert.Equal(HResult.IoPending, commands.Run(1, async cancellationToken =>
        {
            seen = cancellationToken;
            return await heedless.Task;
        }));

        commands.Cancel(1);
        commands.Cancel(1);
        Assert.True(seen.IsCancellationRequested);
        Assert.Equal(HResult.IoPending, commands.Run(1, async _ => await next.Task));
        heedless.SetResult(5);
        next.SetResult(6);

        await WaitAsync(() => commands.Count == 0);
        await WaitAsync(() => !_completed.IsEmpty);
        Assert.Equal([(1, 6)], _completed);
    }

    [Fact]
    public async Task An_abort_answers_what_is_pending_and_what_comes_and_nothing_twice()
    {
        PendingCommands commands = New();
        TaskCompletionSource<int> heedless = new();
        Assert.Equal(HResult.IoPending, commands.Run(1, async _ => await heedless.Task));
        Assert.Equal(HResult.IoPending, commands.Run(2, async cancellationToken =>
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }));

        commands.Abort();
        heedless.SetResult(5);
        await Task.Yield();
        commands.Abort();

        Assert.Equal([(1, HResult.OperationAborted), (2, HResult.OperationAborted)], _completed.Order());
        Assert.Equal(HResult.OperationAborted, commands.Run(3, _ => ValueTask.FromResult(0)));
    }

    [Fact]
    public async Task Draining_waits_for_an_answer_that_is_on_its_way()
    {
        TaskCompletionSource<int> work = new();
        TaskCompletionSource answering = new();
        using ManualResetEventSlim go = new();
        PendingCommands commands = new(8, TimeSpan.FromHours(1), TimeProvider.System, (id, result) =>
        {
            answering.SetResult();
            go.Wait(Cancellation);
            _completed.Enqueue((id, result));
        }, () => { });
        Assert.Equal(HResult.IoPending, commands.Run(1, async _ => await work.Task));
        Task answer = Task.Run(() => work.SetResult(5), Cancellation);
        await answering.Task.WaitAsync(Cancellation);

        Task drained = commands.DrainAsync();
        Assert.False(drained.IsCompleted);
        go.Set();

        await drained.WaitAsync(Cancellation);
        Assert.Equal([(1, 5)], _completed);
        await answer;
    }

    [Fact]
    public void An_abort_during_the_call_is_answered_by_the_call()
    {
        PendingCommands commands = New();

        int answer = commands.Run(1, async _ =>
        {
            commands.Abort();
            await new TaskCompletionSource().Task;
            return 0;
        });

        Assert.Equal(HResult.OperationAborted, answer);
        Assert.Empty(_completed);
    }

    [Fact]
    public async Task Works_beyond_the_limit_wait_for_a_place()
    {
        PendingCommands commands = New(concurrency: 2);
        int running = 0;
        int most = 0;
        TaskCompletionSource go = new();
        for (int id = 1; id <= 20; id++)
        {
            Assert.Equal(HResult.IoPending, commands.Run(id, async _ =>
            {
                most = Math.Max(most, Interlocked.Increment(ref running));
                await go.Task;
                await Task.Yield();
                Interlocked.Decrement(ref running);
                return 0;
            }));
        }

        Assert.Equal((2, 2), (running, most));
        go.SetResult();
        await WaitAsync(() => _completed.Count == 20);

        Assert.Equal((0, 2), (running, most));
    }

    [Fact]
    public async Task A_command_that_is_pending_for_too_long_is_answered()
    {
        PendingCommands commands = new(8, TimeSpan.FromMilliseconds(20), TimeProvider.System, (id, result) => _completed.Enqueue((id, result)), () => _late++);
        TaskCompletionSource<int> heedless = new();

        Assert.Equal(HResult.IoPending, commands.Run(1, async _ => await heedless.Task));
        await WaitAsync(() => !_completed.IsEmpty);
        heedless.SetResult(0);

        Assert.Equal([(1, HResult.OperationAborted)], _completed);
        Assert.Equal(1, _late);
    }

    [Fact]
    public async Task A_rundown_waits_for_those_who_are_in_and_lets_nobody_else_in()
    {
        Rundown rundown = new();
        Assert.True(rundown.TryEnter());
        Assert.True(rundown.TryEnter());

        Task closed = rundown.CloseAsync();
        Assert.False(rundown.TryEnter());
        rundown.Exit();
        Assert.False(closed.IsCompleted);
        rundown.Exit();

        await closed.WaitAsync(Cancellation);
        await rundown.CloseAsync().WaitAsync(Cancellation);
        await new Rundown().CloseAsync().WaitAsync(Cancellation);
    }

    private PendingCommands New(int concurrency = 8) =>
        new(concurrency, TimeSpan.FromHours(1), TimeProvider.System, (id, result) => _completed.Enqueue((id, result)), () => _late++);

    private static async Task WaitAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(5, Cancellation);
        }
    }
}
