using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Repr.Protocol;
using Repr.Protocol.V1;
using Repr.Server.Execution;
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
    /// <returns>What differs, for people; empty: nothing, as far as anything is known.</returns>
    public async Task<IReadOnlyList<string>> KeepAsync(FinishedRun run, IContentLease lease, CancellationToken cancellationToken)
    {
        PathFacts seen = new(run.Files);
        CoreDigest[] facts = [.. run.Paths.All.Select(input => seen.Peek(input) ?? default)];
        if (FindObstacle(run, facts) is { } obstacle)
        {
            Log.NotKept(logger, run.Request.Description, obstacle);
            return [];
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
                    return [];
                }

                IReadOnlyList<string> differences = await CompareAsync(run, strong, cancellationToken);
                if (differences.Count > 0)
                {
                    Log.NotRepeatable(logger, run.Request.Description, string.Join(", ", differences));
                    await index.RefuseAsync(run.Weak, time.GetUtcNow(), cancellationToken);
                }
                else
                {
                    await index.AddAsync(run.Weak, pathSetId, run.Paths, strong, result, cancellationToken);
                }

                return differences;
            }
            finally
            {
                _keeping.Release();
            }
        }
        catch (ReprException failure)
        {
            Log.NotWritten(logger, failure.Message);
            return [];
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

    private async Task<IReadOnlyList<string>> CompareAsync(FinishedRun run, CoreDigest strong, CancellationToken cancellationToken)
    {
        KnownResult? same = await index.FindResultAsync(strong, cancellationToken);
        List<string> differences = [];
        foreach (KnownResult earlier in new[] { same, run.Expected?.Result }.OfType<KnownResult>().Distinct())
        {
            differences.AddRange(await CompareAsync(run, earlier, cancellationToken));
        }

        return [.. differences.Distinct(StringComparer.Ordinal)];
    }

    private async Task<IEnumerable<string>> CompareAsync(FinishedRun run, KnownResult earlier, CancellationToken cancellationToken)
    {
        Dictionary<string, Output> before = earlier.Outputs.ToDictionary(static output => output.Path, StringComparer.Ordinal);
        Dictionary<string, Output> now = run.Result.Outputs.ToDictionary(static output => output.Path.Text, WireConversions.ToWire, StringComparer.Ordinal);
        IEnumerable<string> outputs = before.Keys.Union(now.Keys)
            .Where(path => !run.TellsDurations(path))
            .Where(path => !before.TryGetValue(path, out Output? one) || !now.TryGetValue(path, out Output? other) || !one.Equals(other))
            .Order(StringComparer.Ordinal);
        ToolText? said = await ResultLookup.ReadTextAsync(store, earlier.Text.ToCore(), cancellationToken);
        return said is null || LinesOf(said).SequenceEqual(LinesOf(run.Text!), StringComparer.Ordinal) ? outputs : outputs.Append("what it said");
    }

    // In any order: tools that work on many things at a time say the same, but not in the same order.
    private static IEnumerable<string> LinesOf(ToolText text) => text.Chunks
        .GroupBy(static chunk => chunk.IsStderr)
        .SelectMany(static stream => Encoding.UTF8.GetString([.. stream.SelectMany(static chunk => chunk.Data)])
            .Split('\n')
            .Select(line => (stream.Key ? "2" : "1") + line))
        .Order(StringComparer.Ordinal);

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
