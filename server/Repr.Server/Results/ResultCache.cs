using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Repr.Protocol;
using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Results.Shared;
using CoreDigest = Repr.Digest;

namespace Repr.Server.Results;

/// <summary>Keeps results of tools' runs. Safe for concurrent use.</summary>
/// <param name="index">Where they are known.</param>
/// <param name="store">Where their content is.</param>
/// <param name="workerId">This worker.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For what is not kept, and why.</param>
internal sealed partial class ResultCache(
    IResultIndex index, ILocalContentStore store, string workerId, TimeProvider time, ILogger<ResultCache> logger) : IDisposable
{
    private readonly TimeMacros _macros = new(store);

    // Of two runs in the same world, one at a time compares itself with the other.
    private readonly SemaphoreSlim _keeping = new(1);

    /// <summary>Begins to look for the result of an action.</summary>
    public ResultLookup LookUp(CoreDigest weak, InputTree files, IContentLease lease) => new(index, store, weak, files, lease);

    /// <summary>Begins to look for the result of an action among those of other workers.</summary>
    public ResultLookup LookUpElsewhere(IKnownResults known, CoreDigest weak, InputTree files, IContentLease lease) =>
        new(known, store, weak, files, lease, fetches: true);

    /// <summary>Keeps a result of another worker, so that it is found here the next time. Its failure has no effect on the action.</summary>
    public async Task KeepAsync(CoreDigest weak, Known known, CancellationToken cancellationToken)
    {
        try
        {
            await index.AddAsync(weak, known.PathSetId, known.Paths, known.Strong, known.Result, cancellationToken);
        }
        catch (ReprException failure)
        {
            Log.NotWritten(logger, failure.Message);
        }
    }

    /// <summary>Notes that a result was taken. Its failure has no effect on the action.</summary>
    public async Task UseAsync(CoreDigest weak, Known known, CancellationToken cancellationToken)
    {
        try
        {
            await index.UseAsync(weak, known.PathSetId, known.Strong, cancellationToken);
        }
        catch (ReprException failure)
        {
            Log.NotWritten(logger, failure.Message);
        }
    }

    /// <summary>Keeps what a run left, if it may be kept, and compares it with what is known of the same command in the same world.</summary>
    /// <param name="run">The run.</param>
    /// <param name="lease">The action's.</param>
    /// <param name="cancellationToken">Ends it; the action has its verdict all the same.</param>
    public async Task<KeptRun> KeepAsync(FinishedRun run, IContentLease lease, CancellationToken cancellationToken)
    {
        PathFacts seen = new(run.Files);
        CoreDigest[] facts = [.. run.Paths.All.Select(input => seen.Peek(input) ?? default)];
        if (FindObstacle(run, facts) is { } obstacle)
        {
            Log.NotKept(logger, run.Request.Description, obstacle);
            return KeptRun.Nothing;
        }

        byte[] paths = run.Paths.ToBytes();
        CoreDigest pathSetId = PathSet.NameOf(paths);
        CoreDigest strong = PathFacts.Strong(run.Weak, pathSetId, facts);
        try
        {
            KnownResult result = await MakeAsync(run, facts, lease, cancellationToken);
            await _keeping.WaitAsync(cancellationToken);
            try
            {
                if (ResultLookup.IsRefused(await index.FindCommandAsync(run.Weak, cancellationToken), time.GetUtcNow()))
                {
                    return KeptRun.Nothing;
                }

                RunComparison comparison = await CompareAsync(run, strong, cancellationToken);
                if (comparison.WithItself.Count > 0)
                {
                    Log.NotRepeatable(logger, run.Request.Description, string.Join(", ", comparison.WithItself));
                    await index.RefuseAsync(run.Weak, time.GetUtcNow(), cancellationToken);
                    return new KeptRun(comparison.WithItself, RunNews.Refused(run.Weak, time.GetUtcNow()));
                }

                if (comparison.WithOthers.Count > 0)
                {
                    await index.ForgetAsync(strong, cancellationToken); // who is right is found out together
                }
                else
                {
                    await index.AddAsync(run.Weak, pathSetId, run.Paths, strong, result, cancellationToken);
                }

                return new KeptRun(comparison.WithOthers, RunNews.Of(run, paths, strong, result));
            }
            finally
            {
                _keeping.Release();
            }
        }
        catch (ReprException failure)
        {
            Log.NotWritten(logger, failure.Message);
            return KeptRun.Nothing;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _keeping.Dispose();

    private string? FindObstacle(FinishedRun run, CoreDigest[] facts)
    {
        if (run.Result.Exit is not { Kind: ExitKind.Code, Value: 0 })
        {
            return "it failed";
        }

        if (run.Result.UndeclaredWrites.Count > 0)
        {
            return $"it wrote '{run.Result.UndeclaredWrites[0]}', which is no output of it";
        }

        if (run.Text is null)
        {
            return "it wrote too much text";
        }

        if (run.Paths.Count > PathSet.MaximumPaths)
        {
            return $"it looked at {run.Paths.Count} paths";
        }

        if (Array.IndexOf(facts, default) is >= 0 and int position)
        {
            return $"not all is known of '{run.Paths.All.ElementAt(position).Path}'";
        }

        bool isClockFixed = run.Request.Command.Environment.ContainsKey("SOURCE_DATE_EPOCH");
        return !run.IsManagedCompiler
            && run.Paths.All.FirstOrDefault(input => run.ContentOf(input) is { } content && _macros.Occur(content, isClockFixed)) is { Kind: not 0 } source
                ? $"'{source.Path}' asks for the time (__DATE__, __TIME__ or __TIMESTAMP__)"
                : null;
    }

    private async Task<KnownResult> MakeAsync(FinishedRun run, CoreDigest[] facts, IContentLease lease, CancellationToken cancellationToken)
    {
        byte[] text = run.Text!.ToByteArray();
        CoreDigest digest = CoreDigest.Compute(text);
        if (text.Length > 0)
        {
            lease.Add(digest);
            using MemoryStream content = new(text, writable: false);
            await store.PutAsync(digest, content, cancellationToken);
        }

        KnownResult result = new()
        {
            Text = digest.ToWire(),
            WorkerId = workerId,
            EndedUnixMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            ToolMs = run.Result.Timings.ToolMs,
        };
        result.Outputs.AddRange(run.Result.Outputs.Select(WireConversions.ToWire));
        result.Facts.AddRange(facts.Select(PathFacts.Shorten));
        return result;
    }

    private async Task<RunComparison> CompareAsync(FinishedRun run, CoreDigest strong, CancellationToken cancellationToken)
    {
        KnownResult? same = await index.FindResultAsync(strong, cancellationToken);
        RunComparison comparison = new(workerId);
        foreach (KnownResult earlier in new[] { same, run.Expected?.Result }.OfType<KnownResult>().Distinct())
        {
            ToolText? said = await ResultLookup.ReadTextAsync(store, earlier.Text.ToCore(), cancellationToken);
            comparison.Add(run, earlier, said);
        }

        return comparison;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Debug, "{Description} is not kept: {Obstacle}")]
        public static partial void NotKept(ILogger logger, string description, string obstacle);

        [LoggerMessage(LogLevel.Warning, "{Description} is not repeatable and not kept any more: {Differences}")]
        public static partial void NotRepeatable(ILogger logger, string description, string differences);

        [LoggerMessage(LogLevel.Warning, "A result is not kept: {Reason}")]
        public static partial void NotWritten(ILogger logger, string reason);
    }
}
