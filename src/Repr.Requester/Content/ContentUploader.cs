using System.Collections.Concurrent;
using System.Diagnostics;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Requester.Files;
using Repr.Requester.Placement;
using ReapiStatus = Repr.Protocol.Reapi.Status;

namespace Repr.Requester.Content;

/// <summary>
/// Brings content into one worker's store, or into one that is shared with it, each blob once: what the store is known to have is not asked again, and what another
/// action is sending already is waited for. The bytes are hashed again while they are sent. Safe for concurrent use.
/// </summary>
/// <param name="channel">The worker's store.</param>
/// <param name="writer">Writes into it.</param>
/// <param name="shared">A store that is shared with the worker; null: there is none.</param>
/// <param name="group">Uploads to the workers that give this one content; null: none does.</param>
/// <param name="digests">Forgets files that have changed.</param>
internal sealed class ContentUploader(ReapiChannel channel, BlobWriter writer, SharedUploads? shared, GroupUploads? group, DigestCache digests) : IDisposable
{
    private const int DigestsPerQuestion = 20_000;
    private const int DigestsOfLittleWork = 64;
    private const int FirstSamples = 3;
    private const int SmallBlobBytes = 1 << 20;
    private const int ParallelCalls = 4;

    private readonly ConcurrentDictionary<Digest, TaskCompletionSource> _blobs = new();
    private readonly SemaphoreSlim _calls = new(ParallelCalls);

    /// <summary>Makes sure that the store has all of this content.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.InvalidInput"/>: a file changed since it was hashed. Else what the store reports.
    /// </exception>
    public async Task EnsureAsync(IEnumerable<ContentSource> sources, TransferStatistics statistics, CancellationToken cancellationToken)
    {
        Dictionary<Digest, ContentSource> wanted = [];
        foreach (ContentSource source in sources.Where(source => source.Digest.SizeBytes > 0 && !IsKnown(source.Digest)))
        {
            wanted.TryAdd(source.Digest, source);
        }

        while (wanted.Count > 0)
        {
            List<ContentSource> claimed = [];
            List<Task> others = [];
            foreach (ContentSource source in wanted.Values)
            {
                TaskCompletionSource mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
                TaskCompletionSource winner = _blobs.GetOrAdd(source.Digest, mine);
                if (winner == mine)
                {
                    claimed.Add(source);
                }
                else if (!winner.Task.IsCompletedSuccessfully)
                {
                    others.Add(winner.Task);
                }
            }

            await SendClaimedAsync(claimed, statistics, cancellationToken);

            // Whoever sends them may have been cancelled; then they are claimed here, in the next round.
            await Task.WhenAll(others).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            foreach (Digest digest in wanted.Keys.Where(IsKnown).ToList())
            {
                wanted.Remove(digest);
            }
        }
    }

    /// <summary>What the way to the store is like.</summary>
    public LineQuality Line { get; } = new();

    /// <summary>Measures some round trips if none was measured yet; the first one is the slowest.</summary>
    /// <exception cref="ReprException">What the store reports.</exception>
    public async Task MeasureAsync(CancellationToken cancellationToken)
    {
        for (int samples = Line.RoundTripMs is null ? FirstSamples : 0; samples > 0; samples--)
        {
            await AskAsync([], cancellationToken);
        }
    }

    /// <summary>Bytes that the store is not known to have: the most that would be sent.</summary>
    public long CountUnknown(IEnumerable<ContentSource> sources) =>
        sources.Where(source => !IsKnown(source.Digest)).DistinctBy(static source => source.Digest).Sum(static source => source.Digest.SizeBytes);

    /// <summary>Which of this content the store has already. Nothing is sent.</summary>
    /// <exception cref="ReprException">What the store reports.</exception>
    public async Task<IReadOnlySet<Digest>> FindPresentAsync(IReadOnlyCollection<ContentSource> sources, CancellationToken cancellationToken)
    {
        HashSet<Digest> missing = await FindMissingAsync(
            [.. sources.Where(source => source.Digest.SizeBytes > 0 && !IsKnown(source.Digest))], cancellationToken);
        HashSet<Digest> present = [.. sources.Select(static source => source.Digest).Where(digest => !missing.Contains(digest))];
        foreach (Digest digest in present)
        {
            MarkPresent(digest);
        }

        return present;
    }

    /// <summary>Whether the store is known to have a blob.</summary>
    public bool IsKnown(Digest digest) =>
        _blobs.TryGetValue(digest, out TaskCompletionSource? known) && known.Task.IsCompletedSuccessfully;

    /// <summary>Notes that the store has a blob (the worker has just put it there).</summary>
    public void MarkPresent(Digest digest)
    {
        TaskCompletionSource present = new();
        present.SetResult();
        _blobs.TryAdd(digest, present);
    }

    /// <summary>Forgets that the store has a blob, because it was found to lack it.</summary>
    public void Forget(Digest digest)
    {
        if (_blobs.TryGetValue(digest, out TaskCompletionSource? known) && known.Task.IsCompleted)
        {
            _blobs.TryRemove(new KeyValuePair<Digest, TaskCompletionSource>(digest, known));
        }
    }

    /// <summary>Forgets all that the store is known to have.</summary>
    public void ForgetAll()
    {
        foreach (Digest digest in _blobs.Keys)
        {
            Forget(digest);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The semaphore stays: uploads of a lost session end by their own tokens, and it holds no resource.
    }

    private int SmallBlobLimit => Math.Min(SmallBlobBytes, channel.BatchBytes - BlobWriter.EntryOverhead);

    private async Task SendClaimedAsync(List<ContentSource> claimed, TransferStatistics statistics, CancellationToken cancellationToken)
    {
        try
        {
            await (group is null
                ? BringAsync(claimed, static _ => { }, statistics, cancellationToken)
                : group.ForEachAsync(claimed, (held, isThere) => BringAsync(held, isThere, statistics, cancellationToken), cancellationToken));
        }
        finally
        {
            foreach (ContentSource source in claimed)
            {
                Settle(source.Digest, isPresent: false);
            }
        }
    }

    private async Task BringAsync(
        IReadOnlyCollection<ContentSource> sources, Action<Digest> isThere, TransferStatistics statistics, CancellationToken cancellationToken)
    {
        List<ContentSource> missing = await SettleFoundAsync(sources, cancellationToken);
        foreach (ContentSource found in sources.Except(missing))
        {
            isThere(found.Digest);
        }

        if (shared is not null && await shared.PutAsync(missing, statistics, cancellationToken) is { Count: > 0 } put)
        {
            int lost = (await SettleFoundAsync(put, cancellationToken)).Count;
            shared.NoteFound(put.Count, put.Count - lost, statistics);
        }

        await Task.WhenAll(Batch(missing.Where(source => !IsKnown(source.Digest))).Select(async batch =>
        {
            await SendAsync(batch, statistics, cancellationToken);
            batch.ForEach(source => isThere(source.Digest));
        }));
    }

    // Asks the store; returns what it lacks.
    private async Task<List<ContentSource>> SettleFoundAsync(IReadOnlyCollection<ContentSource> sources, CancellationToken cancellationToken)
    {
        HashSet<Digest> missing = await FindMissingAsync(sources, cancellationToken);
        foreach (ContentSource source in sources.Where(source => !missing.Contains(source.Digest)))
        {
            Settle(source.Digest, isPresent: true);
        }

        return [.. sources.Where(source => missing.Contains(source.Digest))];
    }

    // The first word counts: a blob that was sent stays sent.
    private void Settle(Digest digest, bool isPresent)
    {
        if (!_blobs.TryGetValue(digest, out TaskCompletionSource? blob) || blob.Task.IsCompleted)
        {
            return;
        }

        if (isPresent)
        {
            blob.TrySetResult();
        }
        else
        {
            _blobs.TryRemove(new KeyValuePair<Digest, TaskCompletionSource>(digest, blob));
            blob.TrySetCanceled(CancellationToken.None);
        }
    }

    private async Task<HashSet<Digest>> FindMissingAsync(IReadOnlyCollection<ContentSource> sources, CancellationToken cancellationToken)
    {
        HashSet<Digest> missing = [];
        foreach (ContentSource[] chunk in sources.Chunk(DigestsPerQuestion))
        {
            missing.UnionWith(await AskAsync(chunk, cancellationToken));
        }

        return missing;
    }

    private async Task<IEnumerable<Digest>> AskAsync(ContentSource[] sources, CancellationToken cancellationToken)
    {
        FindMissingBlobsRequest request = new() { DigestFunction = DigestFunction.Types.Value.Sha256 };
        request.BlobDigests.AddRange(sources.Select(source => source.Digest.ToReapi()));
        long start = Stopwatch.GetTimestamp();
        FindMissingBlobsResponse response = await ContentCalls.CallAsync(
            () => channel.Store.FindMissingBlobsAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken);
        if (sources.Length <= DigestsOfLittleWork)
        {
            Line.NoteRoundTrip(Stopwatch.GetElapsedTime(start));
        }

        return response.MissingBlobDigests.Select(digest => digest.ToCore());
    }

    private IEnumerable<List<ContentSource>> Batch(IEnumerable<ContentSource> sources)
    {
        int small = SmallBlobLimit;
        List<ContentSource> batch = [];
        long bytes = 0;
        foreach (ContentSource source in sources.OrderByDescending(source => source.Digest.SizeBytes))
        {
            if (source.Digest.SizeBytes > small)
            {
                yield return [source];
                continue;
            }

            if (bytes + source.Digest.SizeBytes + BlobWriter.EntryOverhead > channel.BatchBytes)
            {
                yield return batch;
                batch = [];
                bytes = 0;
            }

            batch.Add(source);
            bytes += source.Digest.SizeBytes + BlobWriter.EntryOverhead;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    private async Task SendAsync(List<ContentSource> batch, TransferStatistics statistics, CancellationToken cancellationToken)
    {
        await _calls.WaitAsync(cancellationToken);
        long start = Stopwatch.GetTimestamp();
        try
        {
            if (batch.Count == 1 && batch[0].Digest.SizeBytes > SmallBlobLimit)
            {
                await writer.WriteStreamAsync(batch[0], cancellationToken);
            }
            else
            {
                await SendBatchAsync(batch, cancellationToken);
            }
        }
        catch (ReprException exception) when (exception.Code == ReprErrorCode.InvalidInput)
        {
            batch.ForEach(source => digests.Forget(source.Stat));
            throw;
        }
        finally
        {
            _calls.Release();
        }

        Line.NoteTransfer(batch.Sum(static source => source.Digest.SizeBytes), Stopwatch.GetElapsedTime(start));
        foreach (ContentSource source in batch)
        {
            statistics.Uploaded(source.Digest.SizeBytes);
            Settle(source.Digest, isPresent: true);
        }
    }

    private async Task SendBatchAsync(List<ContentSource> batch, CancellationToken cancellationToken)
    {
        BatchUpdateBlobsRequest request = new() { DigestFunction = DigestFunction.Types.Value.Sha256 };
        foreach (ContentSource source in batch)
        {
            request.Requests.Add(await writer.ReadEntryAsync(source, cancellationToken));
        }

        BatchUpdateBlobsResponse response = await ContentCalls.CallAsync(
            () => channel.Store.BatchUpdateBlobsAsync(request, cancellationToken: cancellationToken).ResponseAsync, cancellationToken);
        foreach (BatchUpdateBlobsResponse.Types.Response blob in response.Responses)
        {
            // Some stores leave the status out when all is well.
            if (blob.Status is ReapiStatus { Code: not 0 } status)
            {
                throw ContentCalls.Translate(
                    new Grpc.Core.RpcException(new Grpc.Core.Status((Grpc.Core.StatusCode)status.Code, status.Message)));
            }
        }
    }
}
