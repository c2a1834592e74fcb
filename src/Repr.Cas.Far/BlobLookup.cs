using System.Collections.Concurrent;

namespace Repr.Cas.Far;

/// <summary>Looking for blobs in stores that know no question for more than one.</summary>
public static class BlobLookup
{
    /// <summary>Asks for several blobs at once.</summary>
    /// <param name="digests">The blobs.</param>
    /// <param name="concurrency">Questions that are asked at once.</param>
    /// <param name="isThere">Asks for one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Those that are not there, each once.</returns>
    public static async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IEnumerable<Digest> digests, int concurrency, Func<Digest, CancellationToken, ValueTask<bool>> isThere, CancellationToken cancellationToken)
    {
        ConcurrentBag<Digest> missing = [];
        await Parallel.ForEachAsync(
            digests.Distinct(),
            new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken },
            async (digest, token) =>
            {
                if (!await isThere(digest, token))
                {
                    missing.Add(digest);
                }
            });
        return [.. missing];
    }

    /// <summary>Whether what a store has under a blob's name can be the blob: as long as it, or compressed.</summary>
    public static bool IsWhole(Digest digest, string? contentEncoding, long length) =>
        string.IsNullOrEmpty(contentEncoding) ? length == digest.SizeBytes : contentEncoding == OutgoingContent.ZstdEncoding;
}
