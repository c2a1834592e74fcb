using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Repr.Requester.Discovery;
using Repr.Requester.Farm;
using Repr.Requester.Placement;

namespace Repr.Requester.Actions;

/// <summary>
/// Runs a prepared action on a worker and, if that takes much longer than expected, a second time: on another worker that has room (hedged requests; Dean, Barroso: The Tail at
/// Scale, 2013), or it is taken back to run here. The first verdict counts, and its run alone writes. Safe for concurrent use.
/// </summary>
internal sealed partial class ActionRace(
    WorkerRuns runs,
    WorkerPool workers,
    FarmWorkers farms,
    SlowWorkers slow,
    WorkHistory history,
    LocalMachine machine,
    RaceGovernor governor,
    TimeProvider time,
    ILogger log)
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);

    /// <summary>Runs it.</summary>
    /// <param name="request">The action.</param>
    /// <param name="prepared">The world that it sees.</param>
    /// <param name="first">Where it runs.</param>
    /// <param name="progress">Of the attempt.</param>
    /// <param name="input">For the tool.</param>
    /// <param name="budget">Of its build.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ChosenLocallyException">It is taken back.</exception>
    public async Task<ActionResult> RunAsync(
        ActionRequest request,
        PreparedAction prepared,
        TakenWorker first,
        ActionProgress progress,
        ChannelReader<ToolInput> input,
        RaceBudget budget,
        CancellationToken cancellationToken)
    {
        CommitRight right = new();
        using Run one = new(first, progress, cancellationToken);
        one.Start(stop => runs.RunAsync(request, prepared, first, progress, input, right, stop));
        try
        {
            return RaceRules.MayRunTwice(request)
                ? await WatchAsync(request, prepared, one, right, budget, cancellationToken)
                : await one.VerdictAsync();
        }
        finally
        {
            one.Stop();
            await one.Ended; // also when the question for another worker failed
        }
    }

    private async Task<ActionResult> WatchAsync(
        ActionRequest request, PreparedAction prepared, Run one, CommitRight right, RaceBudget budget, CancellationToken cancellationToken)
    {
        (TakenWorker first, ActionProgress progress) = (one.Worker, one.Progress);
        StragglerWatch watch = new(request, history, first.Session, progress, governor, budget, time);
        while (!await one.EndsWithinAsync(watch.UntilDue(s_look), time))
        {
            if (progress.IsVisible)
            {
                break; // it cannot run twice as if it had run once
            }

            if (!watch.IsDue)
            {
                continue;
            }

            using RaceGovernor.Permit? permit = governor.TryBegin(budget);
            if (permit is null)
            {
                await one.EndsWithinAsync(s_look, time);
                continue;
            }

            using TakenWorker? other = await TryTakeAsync(request, one, cancellationToken);
            if (other is not null && !one.HasEnded && progress.TryHold())
            {
                permit.HasBegun = true;
                Log.Raced(log, request.Description, first.Endpoint, other.Endpoint);
                if (await DecideAsync(request, prepared, one, other, right, watch.ElapsedMs, cancellationToken) is { } verdict)
                {
                    return verdict;
                }
            }

            if (other is null && RaceRules.MayComeHere(request) && machine.Look(0).HasRoom && progress.TryHold() && right.TryTake(this))
            {
                permit.HasBegun = true;
                throw await TakeBackAsync(request, one, watch);
            }

            await one.EndsWithinAsync(s_look, time); // later there may be somebody
        }

        return await one.VerdictAsync();
    }

    private async Task<TakenWorker?> TryTakeAsync(ActionRequest request, Run one, CancellationToken cancellationToken)
    {
        HashSet<Uri> without = [one.Worker.Endpoint];
        if (!FarmEndpoint.Is(request.Endpoint))
        {
            return request.Endpoint == WorkerPool.Any ? workers.TryTakeIdle(without) : null;
        }

        // What is answered meanwhile is not kept waiting by the question for another worker.
        using CancellationTokenSource asking = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<TakenWorker?> taking = farms.TryTakeIdleAsync(request, without, asking.Token);
        await Task.WhenAny(taking, one.Ended);
        if (!taking.IsCompleted)
        {
            await asking.CancelAsync();
        }

        try
        {
            return await taking;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    // Null: the second run failed by chance, and the first one goes on.
    private async Task<ActionResult?> DecideAsync(
        ActionRequest request, PreparedAction prepared, Run one, TakenWorker other, CommitRight right, double afterMs, CancellationToken cancellationToken)
    {
        using Run two = new(other, one.Progress.Fork(), cancellationToken);
        two.Progress.Endpoint = other.Endpoint;
        two.Progress.Worker = other.Session.Welcome.WorkerId;

        // A signal is for the run that has begun first; with it, nothing happens twice any more.
        one.Progress.InputTaken = two.Stop;
        Channel<ToolInput> none = Channel.CreateUnbounded<ToolInput>();
        two.Start(stop => runs.RunAsync(request, prepared, other, two.Progress, none.Reader, right, stop));
        await Task.WhenAny(one.Ended, two.Ended);
        Run ended = one.HasEnded ? one : two;
        Run left = ended == one ? two : one;
        bool isFinal = ended.IsFinal(right);
        if (isFinal)
        {
            left.Stop();
        }

        if (ended == two && !isFinal && two.Failure is not null && !one.HasEnded)
        {
            one.Progress.InputTaken = null;
            one.Progress.Failed.Add(other.Endpoint);
            one.Progress.EndRace(new ActionRaced(one.Progress.Worker, two.Progress.Worker, RaceOutcome.Lost, Math.Round(afterMs)), null, hasWon: false);
            return null;
        }

        await left.Ended; // nothing of it is left when the action has its verdict
        Run winner = right.IsHeldBy(one.Worker) ? one : right.IsHeldBy(two.Worker) ? two : one;
        bool hasWon = winner == two && two.Failure is null;
        if (hasWon)
        {
            slow.Note(one.Worker.Endpoint);
        }

        ActionRaced race = new(one.Progress.Worker, two.Progress.Worker, hasWon ? RaceOutcome.Won : RaceOutcome.Lost, Math.Round(afterMs));
        if (two.Failure is not null and not OperationCanceledException)
        {
            one.Progress.Failed.Add(other.Endpoint);
        }

        one.Progress.EndRace(race, two.Progress, hasWon);
        Log.Decided(log, request.Description, winner.Worker.Endpoint);
        return await winner.VerdictAsync();
    }

    private async Task<ChosenLocallyException> TakeBackAsync(ActionRequest request, Run one, StragglerWatch watch)
    {
        one.Stop();
        await one.Ended;
        slow.Note(one.Worker.Endpoint);
        machine.Keep(TimeSpan.FromMilliseconds(watch.ExpectedMs));
        one.Progress.EndRace(new ActionRaced(one.Progress.Worker, "", RaceOutcome.TakenBack, Math.Round(watch.ElapsedMs)), null, hasWon: false);
        return new ChosenLocallyException(
            MessageCodes.TakenBack,
            $"It took {watch.ElapsedMs:0} ms on worker '{one.Progress.Worker}' and about {watch.ExpectedMs:0} ms were expected, so it runs here; the worker was told to stop, and nothing of it is written.");
    }

    /// <summary>One of the runs. Disposed when it has ended.</summary>
    private sealed class Run(TakenWorker worker, ActionProgress progress, CancellationToken cancellationToken) : IDisposable
    {
        private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        private Task<ActionResult?> _running = Task.FromResult<ActionResult?>(null);

        public TakenWorker Worker => worker;

        public ActionProgress Progress => progress;

        /// <summary>Completes when it has ended, in whatever way; never fails.</summary>
        public Task Ended { get; private set; } = Task.CompletedTask;

        public bool HasEnded => _running.IsCompleted;

        public Exception? Failure => _running.IsCanceled ? new OperationCanceledException() : _running.Exception?.InnerException;

        public void Start(Func<CancellationToken, Task<ActionResult?>> run)
        {
            _running = run(_stop.Token);
            Ended = _running.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        public void Stop()
        {
            if (!HasEnded)
            {
                _stop.Cancel();
            }
        }

        public async Task<bool> EndsWithinAsync(TimeSpan wait, TimeProvider time)
        {
            using CancellationTokenSource enough = new();
            await Task.WhenAny(_running, Task.Delay(wait, time, enough.Token));
            await enough.CancelAsync();
            return HasEnded;
        }

        // It has written, or failed in a way in which every run would; what failed by chance leaves the action to the other one.
        public bool IsFinal(CommitRight right) =>
            right.IsHeldBy(worker)
            || cancellationToken.IsCancellationRequested
            || (Failure is { } failure and not OperationCanceledException && !RaceRules.IsWorthRetrying(failure) && right.TryTake(worker));

        public async Task<ActionResult> VerdictAsync() =>
            await _running ?? throw new ReprException(ReprErrorCode.Internal, "A run of an action ended for another one that was not there.");

        public void Dispose() => _stop.Dispose();
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "{Action}: takes long on {First}, and runs on {Second} too")]
        public static partial void Raced(ILogger log, string action, Uri first, Uri second);

        [LoggerMessage(Level = LogLevel.Information, Message = "{Action}: the verdict of {Winner} counts")]
        public static partial void Decided(ILogger log, string action, Uri winner);
    }
}
