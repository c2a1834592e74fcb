using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Repr.Protocol;
using Repr.Requester.Content;
using Repr.Requester.Discovery;
using Repr.Requester.Farm;
using Repr.Requester.Files;
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
    InputPredictors predictors,
    DigestCache digests,
    OutputWriter outputWriter,
    RequesterTelemetry telemetry,
    TimeProvider time,
    ILogger log)
{
    private const int MaximumRetries = 2;
    private const uint SetsSince = 1; // minor version of the protocol

    /// <summary>Runs one action.</summary>
    /// <param name="run">The action.</param>
    /// <param name="text">Takes the tool's text: as it comes if the run asks for that, else once it is certain that it will not be repeated.</param>
    /// <param name="input">What the client sends to the tool.</param>
    /// <param name="cancellationToken">The client has gone: the action ends as cancelled.</param>
    /// <param name="stopping">The requester stops: the action ends as not run.</param>
    /// <returns>Done or NotRun.</returns>
    public async Task<Wire.DoorReply> RunAsync(
        Wire.Run run,
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
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
        try
        {
            options.Plugins.ThrowIfWrong();
            ActionRequest request = ActionRequest.Parse(run, predictors);
            run.Description = request.Description;
            ActionResult result = await RetryAsync(request, progress, input, linked.Token);
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

    private async Task<ActionResult> RetryAsync(
        ActionRequest request, ActionProgress progress, ChannelReader<ToolInput> input, CancellationToken cancellationToken)
    {
        ResiliencePipeline<ActionResult> pipeline = new ResiliencePipelineBuilder<ActionResult> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<ActionResult>
            {
                MaxRetryAttempts = MaximumRetries,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(200),
                MaxDelay = TimeSpan.FromSeconds(1),
                ShouldHandle = arguments => ValueTask.FromResult(
                    !cancellationToken.IsCancellationRequested
                    && arguments.Outcome.Exception is { } failure
                    && IsWorthRetrying(failure)
                    && !progress.IsVisible
                    && (progress.Lost < options.RetryBudget || request.Endpoint.Scheme == WorkerPool.Any.Scheme)), // another worker is another chance
                OnRetry = arguments =>
                {
                    Log.Retry(log, request.Description, arguments.Outcome.Exception!.Message);
                    progress.Span.Note("retry", arguments.Outcome.Exception!.Message);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
        return await pipeline.ExecuteAsync(
            async token =>
            {
                progress.BeginAttempt(time);
                try
                {
                    return await AttemptAsync(request, progress, input, token);
                }
                catch (Exception)
                {
                    progress.EndFailedAttempt(time);
                    throw;
                }
            },
            cancellationToken);
    }

    private async Task<ActionResult> AttemptAsync(
        ActionRequest request, ActionProgress progress, ChannelReader<ToolInput> input, CancellationToken callerToken)
    {
        // 1. A worker; what the action does ends when the session with it is lost.
        using TakenWorker worker = FarmEndpoint.Is(request.Endpoint)
            ? await farms.TakeAsync(request, progress.Failed, callerToken)
            : await workers.TakeAsync(request.Endpoint, progress.Failed, request.QueueTimeout, callerToken);
        WorkerSession session = worker.Session;
        progress.Endpoint = worker.Endpoint;
        progress.Worker = session.Welcome.WorkerId;
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(callerToken, session.Lost);
        CancellationToken token = linked.Token;
        try
        {
            // Outputs get the time before anything was looked at: a file that is saved from now on is newer than they are.
            DateTime stamp = time.GetUtcNow().UtcDateTime;

            // 2. Predict and map: what the tool will look at, as facts.
            using Span mapped = progress.Span.Child("map");
            Prediction predicted = request.EmptyMapping ? Prediction.None : await Task.Run(() => predictions.Find(request), token);
            InputMapping mapping = await Task.Run(() => mapper.MapAsync(request, predicted, token), token);
            (Wire.Execute execute, IReadOnlyList<ContentSource> sets) =
                ExecuteMessage.Make(request, mapping, session.Welcome.ProtocolMinor >= SetsSince);
            progress.Mapped = request.EmptyMapping ? (uint)execute.Inputs.Count : (uint)mapping.Count;
            progress.RequestBytes = execute.CalculateSize();
            mapped.Set(TelemetryNames.Mapped, progress.Mapped).Dispose();

            // 3. Upload what the worker's store lacks.
            long uploading = time.GetTimestamp();
            using Span upload = progress.Span.Child("upload");
            if (!request.EmptyMapping)
            {
                await session.Uploader.EnsureAsync(mapping.Sources, progress.Transfer, token);
                TransferStatistics sent = new();
                await session.Uploader.EnsureAsync(sets, sent, token);
                progress.RequestBytes += sent.UploadedBytes + sent.SharedBytes;
                progress.Transfer.NoticeAll(sent);
            }

            progress.Upload += time.GetElapsedTime(uploading);
            upload.Set(TelemetryNames.Files, progress.Transfer.UploadedFiles).Set(TelemetryNames.Bytes, progress.Transfer.UploadedBytes).Dispose();

            // 4. Wait for a place on the worker, in order.
            long queueing = time.GetTimestamp();
            using Span queue = progress.Span.Child("queue");
            using IDisposable place = await session.EnterAsync(request.QueueTimeout, token);
            progress.Queue += time.GetElapsedTime(queueing);
            queue.Dispose();

            // 5. Execute, and answer what is asked back.
            progress.BeginExecution(time);
            using Span executing = progress.Span.Child("execute", ActivityKind.Client).Set(TelemetryNames.WorkerId, progress.Worker);
            execute.TraceParent = executing.TraceParent;
            execute.Lease = worker.Lease;
            FileAnswers answers = new(mapping, digests, session.Uploader, progress.Transfer, executing);
            progress.Answers = answers;
            ActionResult result = await ExecuteAsync(session, execute, answers, progress, input, token);
            executing.Dispose();
            worker.Succeed();
            LostWrites.Refuse(request, result);
            NoticeDifferences(request, result, progress.Transfer);

            // 6. Validate, fetch and write the outputs: all of them or none.
            long downloading = time.GetTimestamp();
            using Span download = progress.Span.Child("download");
            await outputWriter.WriteAsync(result.Outputs, mapping, stamp, session.Downloader, session.Uploader, progress.Transfer, token);
            progress.Download = time.GetElapsedTime(downloading);
            download.Set(TelemetryNames.Files, progress.Transfer.DownloadedFiles).Set(TelemetryNames.Bytes, progress.Transfer.DownloadedBytes).Dispose();

            // 7. Learn what it looked at.
            progress.Result = result;
            if (result.Cached is null)
            {
                farms.Learn(request, result.Timings, mapping.Files, result.Outputs.Select(static output => output.Path));
            }

            if (result.Exit is { Kind: ExitKind.Code, Value: 0 })
            {
                await LearnAsync(request, mapping, result, session.Downloader, token);
            }

            digests.Flush();
            return result;
        }
        catch (Exception exception) when (
            exception is not (ReprException or ActionFailureException) && !callerToken.IsCancellationRequested && session.Loss is not null)
        {
            throw session.Loss; // whatever it looked like from here
        }
        catch (ReprException failure) when (failure.Code == ReprErrorCode.Corrupt)
        {
            session.Uploader.ForgetAll();
            throw;
        }
    }

    private static async Task<ActionResult> ExecuteAsync(
        WorkerSession session,
        Wire.Execute execute,
        FileAnswers answers,
        ActionProgress progress,
        ChannelReader<ToolInput> input,
        CancellationToken cancellationToken)
    {
        IAsyncEnumerable<ToolInput> noted = NotingAsync(input, progress, cancellationToken);
        Wire.Completed completed = await session.ExecuteAsync(execute, answers, progress.AddText, noted, cancellationToken);
        answers.Questions.Note(completed.QuestionWaits);
        if (completed.Failure is { } failure)
        {
            ReprException reported = failure.ToCore();
            throw reported.Code switch
            {
                ReprErrorCode.Refused => new ReprException(ReprErrorCode.Refused, answers.Refusal ?? reported.Message),

                // We did not cancel: it cancelled itself, because it stops.
                ReprErrorCode.Cancelled =>
                    new ReprException(ReprErrorCode.Unavailable, "The worker cancelled the action: " + reported.Message),
                _ => reported,
            };
        }

        try
        {
            return completed.ToCore();
        }
        catch (ReprException malformed)
        {
            throw new ReprException(ReprErrorCode.Internal, "The worker's answer is malformed: " + malformed.Message, malformed);
        }
    }

    private async Task LearnAsync(
        ActionRequest request, InputMapping mapping, ActionResult result, ContentDownloader downloader, CancellationToken cancellationToken)
    {
        IReadOnlyList<ObservedInput> observed = result.ObservedInputs;
        if (result.ObservedSet is { } set)
        {
            if (predictions.IsLearned(request, set))
            {
                return;
            }

            try
            {
                Wire.ObservedSet content = Wire.ObservedSet.Parser.ParseFrom(await downloader.FetchAsync(set, cancellationToken));
                observed = [.. content.Inputs.Select(WireConversions.ToCore)];
            }
            catch (Exception exception) when (exception is ReprException or InvalidProtocolBufferException)
            {
                return; // It costs questions the next time.
            }
        }

        predictions.Learn(request, mapping, observed, result.ObservedSet);
    }

    private static void NoticeDifferences(ActionRequest request, ActionResult result, TransferStatistics notices)
    {
        const int Named = 5;
        if (result.NotRepeatable is { Count: > 0 } differences)
        {
            string more = differences.Count > Named ? $" and {differences.Count - Named} more" : "";
            notices.Notice(
                MessageCodes.NotRepeatable,
                $"{request.Description} is not repeatable: it ran again with the same inputs, and these differ: "
                + $"{string.Join(", ", differences.Take(Named))}{more}. Its results are not kept any more.");
        }
    }

    private static async IAsyncEnumerable<ToolInput> NotingAsync(
        ChannelReader<ToolInput> input, ActionProgress progress, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (ToolInput next in input.ReadAllAsync(cancellationToken))
        {
            progress.NoteInput();
            yield return next;
        }
    }

    private static bool IsWorthRetrying(Exception failure)
    {
        ReprErrorCode? code = failure switch
        {
            ReprException repr => repr.Code,
            ActionFailureException action => action.Code,
            _ => null,
        };
        return code is ReprErrorCode.Unavailable or ReprErrorCode.Corrupt or ReprErrorCode.Exhausted or ReprErrorCode.InvalidInput;
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

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Action}: trying again: {Reason}")]
        public static partial void Retry(ILogger log, string action, string reason);

        [LoggerMessage(Level = LogLevel.Error, Message = "{Action}: failed because of a defect")]
        public static partial void Defect(ILogger log, string action, Exception exception);
    }
}
