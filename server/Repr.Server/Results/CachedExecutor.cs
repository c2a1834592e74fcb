using Microsoft.Extensions.Logging;
using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Results.Shared;
using Repr.Server.Sessions;
using Repr.Server.Telemetry;
using Repr.Telemetry;
using Repr.Workspaces.Windows;
using CoreActionResult = Repr.ActionResult;

namespace Repr.Server.Results;

/// <summary>Runs actions, except those whose result is known. Safe for concurrent use.</summary>
/// <param name="executor">Runs them.</param>
/// <param name="cache">Knows results.</param>
/// <param name="knowledge">Knows what other workers do.</param>
/// <param name="options">Whether it is used, and for whom.</param>
/// <param name="store">Where content is.</param>
/// <param name="identity">This worker.</param>
/// <param name="metrics">Counts look-ups.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For hits.</param>
internal sealed partial class CachedExecutor(
    ActionExecutor executor,
    ResultCache cache,
    FarmKnowledge knowledge,
    ResultCacheOptions options,
    ILocalContentStore store,
    WorkerIdentity identity,
    WorkerMetrics metrics,
    TimeProvider time,
    ILogger<CachedExecutor> logger)
{
    /// <summary>Gives a known result, or runs the action to its verdict: see <see cref="ActionExecutor"/>.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="caller">For whom.</param>
    /// <param name="requester">Who is asked about unmapped files.</param>
    /// <param name="text">Where the tool's text goes.</param>
    /// <param name="input">What it gets while it runs.</param>
    /// <param name="lease">Keeps inputs and outputs in the store; the caller's.</param>
    /// <param name="cancellationToken">Kills the process tree.</param>
    /// <exception cref="ReprException">There is no verdict.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<CoreActionResult> ExecuteAsync(
        ActionRequest request,
        string caller,
        IRequesterFiles requester,
        IToolText text,
        IToolInput input,
        IContentLease lease,
        CancellationToken cancellationToken)
    {
        using CancellationTokenSource stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            InputTree files = new(request.Inputs, store, lease, requester, TemporaryDirectories.Of(request.Command), stopped.Token);
            if (!IsCacheable(request))
            {
                return (await executor.ExecuteAsync(request, files, text, input, lease, cancellationToken)).Result;
            }

            // 1. Is the result known, here or in the farm?
            ResultSearch search = new(
                cache, knowledge, store, request, options.Scope == ResultScope.Caller ? caller : "", identity.Workspace, files, lease);
            Known? known = await LookUpAsync(search, request, cancellationToken);
            if (known is not null && request.Caching != ResultCaching.Verify)
            {
                return await GiveAsync(request, search, known, files, text, cancellationToken);
            }

            // 2. No: the tool runs. What others looked at is asked for ahead; what was asked for is not asked again.
            await search.AskAheadAsync(stopped.Token);
            RecordedText recorded = new(text);
            ActionRequest informed = request with { LastInputs = search.LastPaths?.Inputs ?? [] };
            FinishedAction ended = await executor.ExecuteAsync(informed, files, recorded, input, lease, cancellationToken);
            CoreActionResult result = ended.Result with
            {
                CacheMiss = search.Miss?.Text,
                Questions = ended.Result.Questions + files.Questions,
            };

            // 3. The next time it is.
            if (request.Caching == ResultCaching.Read || search.Miss?.Reason == MissReason.NotRepeatable)
            {
                return result;
            }

            FinishedRun run = new(request, search.Weak, ended.Files, result) { Text = recorded.Text, Expected = known };
            KeptRun kept = await cache.KeepAsync(run, lease, cancellationToken);
            await search.TellAsync(run, kept.News, cancellationToken);
            return result with
            {
                IsKnown = kept.IsKnown,
                NotRepeatable = kept.Differences,
                ObservedInputs = run.Observed, // what is asked for at the next look-up is predicted
            };
        }
        finally
        {
            await stopped.CancelAsync();
        }
    }

    // Input that is sent is no part of the command; the worker's own files are in no fact.
    private bool IsCacheable(ActionRequest request) =>
        options.Enabled && request.Caching != ResultCaching.Off && !request.Command.TakesInput && request.Command.SystemPaths.Count == 0;

    private async Task<Known?> LookUpAsync(ResultSearch search, ActionRequest request, CancellationToken cancellationToken)
    {
        using Span span = request.Span.Child("result-cache");
        Known? known = await search.FindAsync(time.GetUtcNow(), cancellationToken);
        metrics.LookedUpResult(search.Miss?.Reason);
        span.Set(TelemetryNames.CacheResult, known is null ? "miss" : "hit").Set(TelemetryNames.CacheMiss, search.Miss?.Text);
        return known;
    }

    private async Task<CoreActionResult> GiveAsync(
        ActionRequest request, ResultSearch search, Known known, InputTree files, IToolText text, CancellationToken cancellationToken)
    {
        foreach (TextChunk chunk in search.Text.Chunks)
        {
            await text.WriteAsync(chunk.IsStderr, chunk.Data.Memory, cancellationToken);
        }

        if (!search.IsElsewhere)
        {
            await cache.UseAsync(search.Weak, known, cancellationToken);
        }
        else if (request.Caching == ResultCaching.ReadWrite)
        {
            await cache.KeepAsync(search.Weak, known, cancellationToken);
        }

        Log.Given(logger, request.Description, known.Result.WorkerId, known.Outputs.Count);
        return new CoreActionResult
        {
            Exit = new ToolExit(ExitKind.Code, 0),
            Outputs = known.Outputs,
            UndeclaredWrites = [],
            ObservedInputs = known.Paths.Inputs,
            Timings = new ActionTimings(0, 0, 0, files.Waits.TotalMs, 0, 0),
            Questions = files.Questions,
            Cached = new Repr.CachedRun(
                known.Result.WorkerId, DateTimeOffset.FromUnixTimeMilliseconds(known.Result.EndedUnixMs), known.Result.ToolMs),
        };
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "{Description}: from the result cache, as worker {Worker} left it, {Outputs} outputs")]
        public static partial void Given(ILogger logger, string description, string worker, int outputs);
    }
}
