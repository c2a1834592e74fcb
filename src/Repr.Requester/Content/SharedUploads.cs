using System.Collections.Concurrent;
using Repr.Requester.Actions;

namespace Repr.Requester.Content;

/// <summary>
/// Puts content into the store that is shared with one worker, so that it need not go through the worker. Whatever goes wrong only
/// means that it does: nothing here fails. Safe for concurrent use.
/// </summary>
/// <param name="shared">The store.</param>
internal sealed class SharedUploads(SharedContentStore shared)
{
    private const int ParallelPuts = 8;

    // Little goes through the worker: that is one message, and it puts it into the store as well.
    private const long WorthwhileBytes = 256 << 10;

    private volatile bool _isOfNoUse;

    /// <summary>Puts what the store lacks.</summary>
    /// <returns>What was put; the worker must be asked whether it finds it.</returns>
    public async Task<IReadOnlyCollection<ContentSource>> PutAsync(
        IReadOnlyCollection<ContentSource> sources, TransferStatistics statistics, CancellationToken cancellationToken)
    {
        ConcurrentBag<ContentSource> put = [];
        if (_isOfNoUse || sources.Sum(source => source.Digest.SizeBytes) < WorthwhileBytes)
        {
            return put;
        }

        using CancellationTokenSource away = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            HashSet<Digest> lacking = [.. await shared.Store.FindMissingAsync([.. sources.Select(source => source.Digest)], away.Token)];
            ParallelOptions options = new() { MaxDegreeOfParallelism = ParallelPuts, CancellationToken = away.Token };
            await Parallel.ForEachAsync(sources.Where(source => lacking.Contains(source.Digest)), options, async (source, token) =>
            {
                try
                {
                    await using Stream content = await BlobWriter.OpenReadAsync(source, token);
                    await shared.Store.PutAsync(source.Digest, content, token);
                    put.Add(source);
                    statistics.Shared(source.Digest.SizeBytes);
                }
                catch (Exception exception) when (
                    exception is IOException || exception is ReprException { Code: ReprErrorCode.InvalidInput or ReprErrorCode.Corrupt })
                {
                    // The file has changed, or cannot be read. Sending it to the worker tells.
                }
            });
        }
        catch (ReprException failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            statistics.Notice(
                MessageCodes.SharedStoreAway,
                $"The shared content store '{shared.Name}' cannot be used: {failure.Message} Content goes through the worker.");
        }

        return put;
    }

    /// <summary>Notes how much of what was put the worker found. Nothing at all: it does not have this store.</summary>
    public void NoteFound(int put, int found, TransferStatistics statistics)
    {
        if (put == 0 || found > 0)
        {
            return;
        }

        _isOfNoUse = true;
        statistics.Notice(
            MessageCodes.StoreNotShared,
            $"The worker does not find what was put into the content store '{shared.Name}': name the same store in the settings of both. Content goes through the worker.");
    }
}
