using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;
using Repr.Protocol;
using Repr.Requester.Content;
using Repr.Requester.Discovery;
using Repr.Requester.Farm;
using Repr.Requester.Files;
using Repr.Requester.Placement;
using Repr.Requester.Sessions;
using Repr.Telemetry;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Actions;

/// <summary>What all runs of one attempt have in common: they see the same world.</summary>
/// <param name="Mapping">What is known of this machine's files.</param>
/// <param name="Prediction">What the mapping was made of, besides the inputs that the client named.</param>
/// <param name="Stamp">The time before anything was looked at: that of the outputs, so that a file which is saved from now on is newer than they are.</param>
internal sealed record PreparedAction(InputMapping Mapping, Prediction Prediction, DateTime Stamp)
{
    /// <summary>Names the action in its world, where that was found out beforehand (<see cref="AnnouncedRun"/>); null: it was not.</summary>
    public Digest? Fingerprint { get; init; }
}

/// <summary>
/// Runs a prepared action on one worker, up to the outputs on the disk and what is learned from it. There may be two runs of one action at the same time; the
/// <see cref="CommitRight"/> says which counts. Safe for concurrent use.
/// </summary>
internal sealed class WorkerRuns(
    PredictionStore predictions, FarmWorkers farms, DigestCache digests, OutputWriter outputWriter, KeptResults kept, WorkHistory history, Placer placer, TimeProvider time)
{
    private const uint SetsSince = 1; // minor version of the protocol
    private const uint AttachedSince = 3;
    private const int MaximumAttachedBytes = 16 << 10; // of one set: two round trips take longer

    /// <summary>Runs it.</summary>
    /// <param name="request">The action.</param>
    /// <param name="prepared">The world that it sees.</param>
    /// <param name="worker">Where.</param>
    /// <param name="progress">Of this run alone.</param>
    /// <param name="input">For the tool.</param>
    /// <param name="right">Taken in the name of <paramref name="worker"/> before anything is replaced.</param>
    /// <param name="callerToken">Ends it.</param>
    /// <returns>The verdict, with all outputs written; null: another run has the right, and this one left nothing.</returns>
    public async Task<ActionResult?> RunAsync(
        ActionRequest request,
        PreparedAction prepared,
        TakenWorker worker,
        ActionProgress progress,
        ChannelReader<ToolInput> input,
        CommitRight right,
        CancellationToken callerToken)
    {
        WorkerSession session = worker.Session;
        InputMapping mapping = prepared.Mapping;
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(callerToken, session.Lost);
        CancellationToken token = linked.Token;
        try
        {
            (Wire.Execute execute, IReadOnlyList<ContentSource> sets) =
                ExecuteMessage.Make(request, mapping, session.Welcome.ProtocolMinor >= SetsSince);
            progress.Mapped = request.EmptyMapping ? (uint)execute.Inputs.Count : (uint)mapping.Count;

            // 3. Upload what the worker's store lacks.
            ContentSource[] attached = session.Welcome.ProtocolMinor < AttachedSince ? [] : [.. sets.Where(set => IsToAttach(set, session.Uploader))];
            execute.AttachedSets.AddRange(attached.Select(static set => UnsafeByteOperations.UnsafeWrap(set.Bytes)));
            progress.RequestBytes = execute.CalculateSize();
            await UploadAsync(request, mapping, [.. sets.Except(attached)], session, progress, token);

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
            foreach (ContentSource set in attached)
            {
                session.Uploader.MarkPresent(set.Digest);
            }

            worker.Succeed();
            LostWrites.Refuse(request, result);
            NoticeDifferences(request, result, progress.Transfer);
            kept.NoteDifferences(request, result);

            // 6. Validate, fetch and write the outputs: all of them or none.
            long downloading = time.GetTimestamp();
            using Span download = progress.Span.Child("download");
            bool isWritten = await outputWriter.WriteAsync(
                result.Outputs, mapping, prepared.Stamp, new WorkerOutputs(session.Downloader, session.Uploader), progress.Transfer, () => right.TryTake(worker), token);
            progress.Download = time.GetElapsedTime(downloading);
            download.Set(TelemetryNames.Files, progress.Transfer.DownloadedFiles).Set(TelemetryNames.Bytes, progress.Transfer.DownloadedBytes).Dispose();
            if (!isWritten)
            {
                return null;
            }

            // 7. Learn what it looked at.
            progress.Result = result;
            try
            {
                bool isLearned = predictions.Knows(request);
                await LearnAsync(request, prepared, result, progress, answers.Questions.Count > 0, session.Downloader, token);
                await kept.NoteAsync(request, prepared, isLearned, result, progress, callerToken);
            }
            catch (OperationCanceledException) when (!callerToken.IsCancellationRequested)
            {
                // The session was lost, but all is written: it costs questions the next time.
            }

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

    private static bool IsToAttach(ContentSource set, ContentUploader uploader) =>
        set.Path is null && set.Digest.SizeBytes <= MaximumAttachedBytes && !uploader.IsKnown(set.Digest);

    private async Task UploadAsync(
        ActionRequest request, InputMapping mapping, IReadOnlyList<ContentSource> sets, WorkerSession session, ActionProgress progress, CancellationToken cancellationToken)
    {
        long uploading = time.GetTimestamp();
        using Span upload = progress.Span.Child("upload");
        if (!request.EmptyMapping)
        {
            await session.Uploader.EnsureAsync(mapping.Sources, progress.Transfer, cancellationToken);
            TransferStatistics sent = new();
            await session.Uploader.EnsureAsync(sets, sent, cancellationToken);
            progress.RequestBytes += sent.UploadedBytes + sent.SharedBytes;
            progress.Transfer.NoticeAll(sent);
        }

        progress.Upload += time.GetElapsedTime(uploading);
        upload.Set(TelemetryNames.Files, progress.Transfer.UploadedFiles).Set(TelemetryNames.Bytes, progress.Transfer.UploadedBytes).Dispose();
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

    private static async IAsyncEnumerable<ToolInput> NotingAsync(
        ChannelReader<ToolInput> input, ActionProgress progress, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (ToolInput next in input.ReadAllAsync(cancellationToken))
        {
            progress.NoteInput();
            yield return next;
        }
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

    private async Task LearnAsync(
        ActionRequest request,
        PreparedAction prepared,
        ActionResult result,
        ActionProgress progress,
        bool hasAsked,
        ContentDownloader downloader,
        CancellationToken cancellationToken)
    {
        placer.NoteEnd(request, progress.Queue.TotalMilliseconds + result.Timings.QueueMs, result.Cached is not null);
        bool isSuccess = result.Exit is { Kind: ExitKind.Code, Value: 0 };
        if (result.Cached is null)
        {
            if (isSuccess)
            {
                history.Note(request, result.Timings);
            }

            farms.Learn(request, result.Timings, prepared.Mapping.Files, result.Outputs.Select(static output => output.Path));
        }

        if (isSuccess)
        {
            await LearnInputsAsync(request, prepared, result, hasAsked, downloader, cancellationToken);
        }

        digests.Flush();
    }

    private async Task LearnInputsAsync(
        ActionRequest request, PreparedAction prepared, ActionResult result, bool hasAsked, ContentDownloader downloader, CancellationToken cancellationToken)
    {
        IReadOnlyList<ObservedInput> observed = result.ObservedInputs;
        if (result.ObservedSet is { } set)
        {
            if (predictions.IsLearned(request, set) || (!hasAsked && predictions.TryKeep(request, prepared.Prediction, set)))
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

        predictions.Learn(request, prepared.Mapping, observed, result.ObservedSet);
    }
}
