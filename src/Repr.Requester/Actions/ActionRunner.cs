using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Repr.Requester.Discovery;
using Repr.Requester.Farm;
using Repr.Requester.Files;
using Repr.Requester.Placement;
using Repr.Requester.Predictors;
using Repr.Requester.Sessions;
using Repr.Requester.Telemetry;
using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>
/// Runs actions: the main path of the requester. An action ends with the tool's verdict and all its outputs written, or without
/// a verdict and with nothing written. Safe for concurrent use.
/// </summary>
internal sealed partial class ActionRunner(
    RequesterOptions options,
    WorkerPool workers,
    FarmWorkers farms,
    InputMapper mapper,
    PredictionStore predictions,
    KeptResults kept,
    InputPredictors predictors,
    Placer placer,
    ActionRace race,
    RaceGovernor governor,
    RequesterTelemetry telemetry,
    TimeProvider time,
    ILogger log)
{
    private const int MaximumRetries = 2;

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(100);
    private static readonly ResiliencePropertyKey<Retried> s_retried = new("action");

    private readonly ResiliencePipeline<ActionResult> _retries = NewRetries(options, time, log); // one for all: it takes long to make

    /// <summary>Begins to prepare an action that a client is about to ask for, if it is known from the last time.</summary>
    /// <param name="predictionKey">Of the action.</param>
    public AnnouncedRun Announce(string predictionKey) => new(predictionKey, async token =>
    {
        if (kept.FindAnnounced(predictionKey) is not var (remembered, prediction))
        {
            return null;
        }

        Wire.Run run = remembered.ToRun();
        ActionRequest request = ActionRequest.Parse(run, predictors);
        if (!request.OutputDirectories.All(static directory => Directory.Exists(Disk.ToNative(directory))))
        {
            return null; // to map it would make them, and perhaps nobody asks for it
        }

        DateTime stamp = time.GetUtcNow().UtcDateTime;
        InputMapping mapping = await mapper.MapAsync(request, prediction, token);
        return new PreparedRun(run, request, new PreparedAction(mapping, prediction, stamp) { Fingerprint = ActionFingerprint.Of(request, mapping) });
    });

    /// <summary>Runs one action.</summary>
    /// <param name="run">The action.</param>
    /// <param name="announced">What its client announced before; null: nothing.</param>
    /// <param name="text">Takes the tool's text: as it comes if the run asks for that, else once it is certain that it will not be repeated.</param>
    /// <param name="input">What the client sends to the tool.</param>
    /// <param name="cancellationToken">The client has gone: the action ends as cancelled.</param>
    /// <param name="stopping">The requester stops: the action ends as not run.</param>
    /// <returns>Done or NotRun.</returns>
    public async Task<Wire.DoorReply> RunAsync(
        Wire.Run run,
        AnnouncedRun? announced,
        Func<Wire.DoorText, ValueTask> text,
        ChannelReader<ToolInput> input,
        CancellationToken cancellationToken,
        CancellationToken stopping)
    {
        Channel<Wire.DoorText>? live = run.LiveText ? Channel.CreateUnbounded<Wire.DoorText>(new() { SingleReader = true }) : null;
        Task relaying = live is null ? Task.CompletedTask : RelayAsync(live.Reader, text, cancellationToken);
        RunningBuild build = telemetry.Enter(run.BuildId, run.TraceParent);
        ActionProgress progress = new(live, build.Span.Child("action"));
        long start = time.GetTimestamp();
        Wire.DoorReply reply;
        governor.Enter(build.Races);
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
        try
        {
            options.Plugins.ThrowIfWrong();
            bool isAnnounced = announced?.PredictionKey == run.PredictionKey;
            PreparedRun? prepared = isAnnounced ? await announced!.FindAsync(run, linked.Token) : null;
            ActionRequest request = prepared is null
                ? ActionRequest.Parse(run, predictors) with { Announced = isAnnounced ? run : null }
                : prepared.Request with { BuildId = run.BuildId };
            run.Description = request.Description;
            ActionResult result = await RetryAsync(request, prepared?.Action, progress, input, build.Races, linked.Token);
            foreach (Wire.DoorText chunk in progress.Text)
            {
                await text(chunk);
            }

            reply = new Wire.DoorReply { Done = ToDone(result, progress) };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            reply = NotRun("", "The action was cancelled.", isCancelled: true);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            reply = NotRun(MessageCodes.RequesterStopped, "The requester process was stopped; the action runs locally.");
        }
        catch (ChosenLocallyException choice)
        {
            reply = NotRun(choice.MessageCode, choice.Message);
            reply.NotRun.ByChoice = true;
        }
        catch (ActionFailureException failure)
        {
            reply = NotRun(failure.MessageCode, failure.Message);
        }
        catch (ReprException failure)
        {
            reply = NotRun(MessageCodes.Of(failure.Code), failure.Message);
        }
        catch (Exception defect) when (defect is not OutOfMemoryException)
        {
            Log.Defect(log, run.Description, defect);
            reply = NotRun(
                MessageCodes.InternalFailure, $"The requester failed: {defect.Message} See requester.log in {options.CacheDirectory}.");
        }

        governor.Leave(build.Races);
        live?.Writer.Complete();
        await relaying;
        if (reply.NotRun is { } notRun)
        {
            notRun.TextPassedOn = progress.HasPassedText;
        }

        Wire.RunStatistics statistics = progress.ToStatistics(time.GetElapsedTime(start));
        if (reply.Done is { } done)
        {
            done.Warnings.AddRange(
                progress.Transfer.Notices.DistinctBy(notice => notice.Code).Select(notice => new Wire.Warning { Code = notice.Code, Message = notice.Message }));
            done.Statistics = statistics;
        }

        ActionCompleted ended = ActionEvents.Make(run, reply, statistics, progress, time.GetUtcNow());
        ActionEvents.End(progress.Span, ended);
        telemetry.Leave(build, ended, progress.Answers?.Questions.Waits ?? []);
        return reply;
    }

    private static async Task RelayAsync(
        ChannelReader<Wire.DoorText> chunks, Func<Wire.DoorText, ValueTask> text, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (Wire.DoorText chunk in chunks.ReadAllAsync(cancellationToken))
            {
                await text(chunk);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The client has gone: the action is cancelled as soon as that is seen.
        }
    }

    private static ResiliencePipeline<ActionResult> NewRetries(RequesterOptions options, TimeProvider time, ILogger log) =>
        new ResiliencePipelineBuilder<ActionResult> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<ActionResult>
            {
                MaxRetryAttempts = MaximumRetries,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(200),
                MaxDelay = TimeSpan.FromSeconds(1),
                ShouldHandle = arguments => ValueTask.FromResult(
                    !arguments.Context.CancellationToken.IsCancellationRequested
                    && arguments.Outcome.Exception is { } failure
                    && RaceRules.IsWorthRetrying(failure)
                    && arguments.Context.Properties.GetValue(s_retried, null!) is var (request, progress)
                    && !progress.IsVisible
                    && (progress.Lost < options.RetryBudget || request.Endpoint.Scheme == WorkerPool.Any.Scheme)), // another worker is another chance
                OnRetry = arguments =>
                {
                    (ActionRequest request, ActionProgress progress) = arguments.Context.Properties.GetValue(s_retried, null!);
                    Log.Retry(log, request.Description, arguments.Outcome.Exception!.Message);
                    progress.Span.Note("retry", arguments.Outcome.Exception!.Message);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();

    private async Task<ActionResult> RetryAsync(
        ActionRequest request, PreparedAction? announced, ActionProgress progress, ChannelReader<ToolInput> input, RaceBudget budget, CancellationToken cancellationToken)
    {
        ResilienceContext context = ResilienceContextPool.Shared.Get(cancellationToken);
        context.Properties.Set(s_retried, new Retried(request, progress));
        try
        {
            return await _retries.ExecuteAsync(
                async context =>
                {
                    progress.BeginAttempt(time);
                    try
                    {
                        return await AttemptAsync(request, announced, progress, input, budget, context.CancellationToken);
                    }
                    catch (Exception)
                    {
                        progress.EndFailedAttempt(time);
                        throw;
                    }
                },
                context);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private async Task<ActionResult> AttemptAsync(
        ActionRequest request, PreparedAction? announced, ActionProgress progress, ChannelReader<ToolInput> input, RaceBudget budget, CancellationToken cancellationToken)
    {
        // 0. What is known here needs no worker.
        PreparedAction? early = null;
        if (kept.MayKnow(request, out Prediction? noted))
        {
            early = IsOfNow(announced, noted) ? announced : await PrepareAsync(request, noted, progress, null, cancellationToken);
        }

        if (early is not null && await kept.TryGiveAsync(request, early, progress, cancellationToken) is { } known)
        {
            return known;
        }

        StayHereIf(placer.Decide(request, missingBytes: 0), progress);

        // 1. A worker.
        using TakenWorker worker = await TakeAsync(request, progress, cancellationToken);
        progress.Endpoint = worker.Endpoint;
        progress.Worker = worker.Session.Welcome.WorkerId;

        // 2. Predict and map: what the tool will look at, as facts.
        Prediction predicted = Predict(request);
        PreparedAction prepared = IsOfNow(early, predicted)
            ? early
            : await PrepareAsync(request, predicted, progress, worker.Session, cancellationToken);
        if (Placer.HasChoice(request))
        {
            await worker.Session.Uploader.MeasureAsync(cancellationToken);
            placer.NoteWay(request.Endpoint, worker.Session);
            StayHereIf(placer.Decide(request, worker.Session.Uploader.CountUnknown(prepared.Mapping.Sources)), progress);
        }

        // 3 to 7 on that worker; perhaps on a second one, too.
        return await race.RunAsync(request, prepared, worker, progress, input, budget, cancellationToken);
    }

    private Task<TakenWorker> TakeAnyAsync(ActionRequest request, ActionProgress progress, CancellationToken cancellationToken) =>
        FarmEndpoint.Is(request.Endpoint)
            ? farms.TakeAsync(request, progress.Failed, cancellationToken)
            : workers.TakeAsync(request.Endpoint, progress.Failed, request.QueueTimeout, cancellationToken);

    // What has waited for a worker for as long as it takes here, and may run here, does not wait any longer: at most twice what would have been best, had the
    // length of the queue been known (the ski rental problem).
    private async Task<TakenWorker> TakeAsync(ActionRequest request, ActionProgress progress, CancellationToken cancellationToken)
    {
        if (placer.FindPatience(request) is not { } patience)
        {
            return await TakeAnyAsync(request, progress, cancellationToken);
        }

        long start = time.GetTimestamp();
        using CancellationTokenSource asking = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<TakenWorker> taking = TakeAnyAsync(request, progress, asking.Token);
        while (true)
        {
            await Task.WhenAny(taking, Task.Delay(patience, time, asking.Token));
            if (taking.IsCompleted || cancellationToken.IsCancellationRequested)
            {
                TakenWorker taken = await taking;
                await asking.CancelAsync();
                return taken;
            }

            if (placer.TryKeep(request))
            {
                await asking.CancelAsync();
                await taking.ContinueWith(
                    static late => late.IsCompletedSuccessfully ? late.Result : null, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default)
                    .ContinueWith(static late => late.Result?.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
                throw new ChosenLocallyException(
                    MessageCodes.TakenBack, $"It waited for a worker for {time.GetElapsedTime(start).TotalMilliseconds:0} ms, as long as it takes here, so it runs here.");
            }

            patience = s_look;
        }
    }

    private static void StayHereIf(PlacementDecision? decision, ActionProgress progress)
    {
        progress.Placement = decision?.Reason ?? progress.Placement;
        if (decision is { IsLocal: true } here)
        {
            throw new ChosenLocallyException(MessageCodes.FasterHere, $"It is faster here: {here.Reason}.");
        }
    }

    private bool IsOfNow([NotNullWhen(true)] PreparedAction? prepared, Prediction prediction) =>
        prepared is not null && prepared.Prediction == prediction && (time.GetUtcNow() - prepared.Stamp).Duration() < s_moment;

    private Prediction Predict(ActionRequest request) => request.EmptyMapping ? Prediction.None : predictions.Find(request);

    // What it does ends when the session is lost, as all that an action does.
    private async Task<PreparedAction> PrepareAsync(
        ActionRequest request, Prediction predicted, ActionProgress progress, WorkerSession? session, CancellationToken callerToken)
    {
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(callerToken, session?.Lost ?? CancellationToken.None);
        CancellationToken token = linked.Token;
        try
        {
            DateTime stamp = time.GetUtcNow().UtcDateTime;
            using Span mapped = progress.Span.Child("map");
            InputMapping mapping = await mapper.MapAsync(request, predicted, token);
            mapped.Set(TelemetryNames.Mapped, (uint)mapping.Count).Dispose();
            return new PreparedAction(mapping, predicted, stamp);
        }
        catch (Exception exception) when (
            exception is not (ReprException or ActionFailureException) && !callerToken.IsCancellationRequested && session?.Loss is { } loss)
        {
            throw loss; // whatever it looked like from here
        }
    }

    private static Wire.Done ToDone(ActionResult result, ActionProgress progress)
    {
        Wire.Done done = new() { Worker = progress.Worker };
        switch (result.Exit.Kind)
        {
            case ExitKind.Code:
                done.Code = result.Exit.Value;
                break;
            case ExitKind.Signal:
                done.Signal = result.Exit.Value;
                break;
            default:
                done.TimedOut = true;
                break;
        }

        return done;
    }

    private static Wire.DoorReply NotRun(string code, string message, bool isCancelled = false) =>
        new() { NotRun = new Wire.NotRun { Code = code, Message = message, Cancelled = isCancelled } };

    private sealed record Retried(ActionRequest Request, ActionProgress Progress);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Action}: trying again: {Reason}")]
        public static partial void Retry(ILogger log, string action, string reason);

        [LoggerMessage(Level = LogLevel.Error, Message = "{Action}: failed because of a defect")]
        public static partial void Defect(ILogger log, string action, Exception exception);
    }
}
