using System.Collections.Concurrent;

namespace Repr.Requester.Content;

/// <summary>
/// What is being brought to workers that give each other content: each blob to one of them at a time, so that the next one asked finds it.
/// Safe for concurrent use.
/// </summary>
internal sealed class GroupUploads
{
    private readonly ConcurrentDictionary<Digest, TaskCompletionSource> _underWay = new();

    /// <summary>
    /// Does something for each blob, but not while the same is done for it with another worker. Nobody waits while he holds a blob.
    /// </summary>
    /// <param name="sources">The blobs, each once.</param>
    /// <param name="bring">Brings some of them to a worker, or finds that it has them; says of each when that is done, at its own end for the rest.</param>
    /// <param name="cancellationToken">Ends the wait for others.</param>
    public async Task ForEachAsync(
        IReadOnlyCollection<ContentSource> sources, Func<IReadOnlyList<ContentSource>, Action<Digest>, Task> bring, CancellationToken cancellationToken)
    {
        IReadOnlyCollection<ContentSource> left = sources;
        while (left.Count > 0)
        {
            Dictionary<Digest, TaskCompletionSource> mine = [];
            List<ContentSource> held = [];
            List<ContentSource> withOthers = [];
            List<Task> others = [];
            foreach (ContentSource source in left)
            {
                TaskCompletionSource own = new(TaskCreationOptions.RunContinuationsAsynchronously);
                TaskCompletionSource winner = _underWay.GetOrAdd(source.Digest, own);
                if (winner == own)
                {
                    mine.Add(source.Digest, own);
                    held.Add(source);
                }
                else
                {
                    others.Add(winner.Task);
                    withOthers.Add(source);
                }
            }

            try
            {
                if (held.Count > 0)
                {
                    await bring(held, Release);
                }
            }
            finally
            {
                held.ForEach(source => Release(source.Digest));
            }

            await Task.WhenAll(others).WaitAsync(cancellationToken);
            left = withOthers;

            void Release(Digest digest)
            {
                _underWay.TryRemove(KeyValuePair.Create(digest, mine[digest]));
                mine[digest].TrySetResult();
            }
        }
    }
}
