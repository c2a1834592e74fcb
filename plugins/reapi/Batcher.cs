using System.Collections.Concurrent;

namespace Repr.Cas.Reapi;

/// <summary>
/// Puts what many callers want at the same time into few calls. Nobody waits for company: a call takes what has come while the calls
/// before it were under way. Safe for concurrent use.
/// </summary>
/// <param name="weigh">Bytes that an item takes in a call.</param>
/// <param name="parallelCalls">Calls under way at the same time.</param>
/// <param name="send">Makes a call; the results are in the order of the items. What it throws, all callers of the batch get.</param>
internal sealed class Batcher<TItem, TResult>(Func<TItem, long> weigh, int parallelCalls, Func<IReadOnlyList<TItem>, Task<IReadOnlyList<TResult>>> send)
{
    private const int MaximumItems = 1000;

    private readonly ConcurrentQueue<(TItem Item, TaskCompletionSource<TResult> Result)> _waiting = new();
    private readonly Lock _taking = new();
    private int _calls;

    /// <summary>The result for one item. Cancelling ends the wait, not the call.</summary>
    /// <param name="item">The item.</param>
    /// <param name="maximumBytes">Bound on the weight of a call.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<TResult> AddAsync(TItem item, long maximumBytes, CancellationToken cancellationToken)
    {
        TaskCompletionSource<TResult> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Enqueue((item, result));
        StartCall(maximumBytes);
        return result.Task.WaitAsync(cancellationToken);
    }

    private void StartCall(long maximumBytes)
    {
        lock (_taking)
        {
            if (_calls >= parallelCalls || _waiting.IsEmpty)
            {
                return;
            }

            _calls++;
        }

        _ = CallAsync(maximumBytes);
    }

    private async Task CallAsync(long maximumBytes)
    {
        // Leave the caller first: who adds many items in a row fills the batch.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        List<(TItem Item, TaskCompletionSource<TResult> Result)> batch = Take(maximumBytes);
        try
        {
            if (batch.Count > 0)
            {
                IReadOnlyList<TResult> results = await send([.. batch.Select(static entry => entry.Item)]);
                for (int index = 0; index < batch.Count; index++)
                {
                    batch[index].Result.SetResult(results[index]);
                }
            }
        }
#pragma warning disable CA1031 // whatever it is, it is told to those who wait
        catch (Exception failure)
#pragma warning restore CA1031
        {
            batch.ForEach(entry => entry.Result.TrySetException(failure));
        }

        lock (_taking)
        {
            _calls--;
        }

        StartCall(maximumBytes);
    }

    private List<(TItem Item, TaskCompletionSource<TResult> Result)> Take(long maximumBytes)
    {
        List<(TItem Item, TaskCompletionSource<TResult> Result)> batch = [];
        long bytes = 0;
        lock (_taking)
        {
            while (batch.Count < MaximumItems
                && _waiting.TryPeek(out (TItem Item, TaskCompletionSource<TResult> Result) next)
                && (batch.Count == 0 || bytes + weigh(next.Item) <= maximumBytes))
            {
                _waiting.TryDequeue(out _);
                batch.Add(next);
                bytes += weigh(next.Item);
            }
        }

        return batch;
    }
}
