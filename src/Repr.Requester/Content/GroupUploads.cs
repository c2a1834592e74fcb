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
    /// <param name="bring">Brings some of them to a worker, or finds that it has them.</param>
    /// <param name="cancellationToken">Ends the wait for others.</param>
    public async Task ForEachAsync(IReadOnlyCollection<ContentSource> sources, Func<IReadOnlyList<ContentSource>, Task> bring, CancellationToken cancellationToken)
    {
        IReadOnlyCollection<ContentSource> left = sources;
        while (left.Count > 0)
        {
            TaskCompletionSource mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
            List<ContentSource> held = [];
            List<ContentSource> withOthers = [];
            List<Task> others = [];
            foreach (ContentSource source in left)
            {
                TaskCompletionSource winner = _underWay.GetOrAdd(source.Digest, mine);
                (winner == mine ? held : withOthers).Add(source);
                if (winner != mine)
                {
                    others.Add(winner.Task);
                }
            }

            try
            {
                if (held.Count > 0)
                {
                    await bring(held);
                }
            }
            finally
            {
                held.ForEach(source => _underWay.TryRemove(KeyValuePair.Create(source.Digest, mine)));
                mine.SetResult();
            }

            await Task.WhenAll(others).WaitAsync(cancellationToken);
            left = withOthers;
        }
    }
}
