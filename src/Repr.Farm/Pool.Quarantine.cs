namespace Repr.Farm;

/// <summary>A worker is left alone for a while. Immutable.</summary>
/// <param name="Worker">Its name.</param>
/// <param name="Seconds">For how long.</param>
/// <param name="DiffersFrom">Whose results its own are not; empty: it failed too often.</param>
public sealed record QuarantineNotice(string Worker, double Seconds, IReadOnlyList<string> DiffersFrom);

/// <content>Workers that are left alone.</content>
public sealed partial class Pool
{
    private const int MaximumNotices = 100;

    /// <summary>Takes what people should know since the last call: which workers are left alone. Of many the latest.</summary>
    public IReadOnlyList<QuarantineNotice> TakeNotices()
    {
        QuarantineNotice[] notices = [.. _notices];
        _notices.Clear();
        return notices;
    }

    private void NoteDifference(WorkerDifference difference, TimeSpan now)
    {
        if (!_byName.TryGetValue(difference.Worker, out PoolWorker? worker))
        {
            return;
        }

        int usual = _workers.Where(other => other != worker).Select(static other => other.Differences).DefaultIfEmpty().Max();
        if (worker.NoteDifference(difference.Action, difference.Others, usual, now))
        {
            Notice(worker, difference.Others, now);
        }
    }

    private void Notice(PoolWorker worker, IReadOnlyList<string> differsFrom, TimeSpan now)
    {
        _notices.Enqueue(new QuarantineNotice(worker.Name, worker.QuarantineLeft(now).TotalSeconds, differsFrom));
        if (_notices.Count > MaximumNotices)
        {
            _notices.Dequeue();
        }
    }
}
