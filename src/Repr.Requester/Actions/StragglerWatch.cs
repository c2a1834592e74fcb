using Repr.Requester.Placement;
using Repr.Requester.Sessions;

namespace Repr.Requester.Actions;

/// <summary>
/// Watches whether a run takes longer than it should (<see cref="Straggler"/>). The clock runs from when the worker has the action; before that, from when content was last sent for it, so
/// that a large upload is no straggler, and one that is stuck is. For one action; not safe for concurrent use.
/// </summary>
internal sealed class StragglerWatch(
    ActionRequest request, WorkHistory history, WorkerSession session, ActionProgress progress, RaceGovernor governor, RaceBudget budget, TimeProvider time)
{
    private static readonly TimeSpan s_upload = TimeSpan.FromSeconds(5);

    private long _since = time.GetTimestamp();
    private long _uploaded;
    private double? _aheadMs;

    /// <summary>What is expected, in milliseconds; 0: nothing is known.</summary>
    public double ExpectedMs => history.Find(request)?.Work.MeanMs ?? 0;

    /// <summary>For how long it has run, in milliseconds.</summary>
    public double ElapsedMs => time.GetElapsedTime(progress.ExecutionStart ?? _since).TotalMilliseconds;

    /// <summary>It takes too long.</summary>
    public bool IsDue => Remaining() is { } remaining && remaining <= TimeSpan.Zero;

    /// <summary>How long to wait before it may be due, or the next look is worth it.</summary>
    public TimeSpan UntilDue(TimeSpan look) => Remaining() is { } remaining && remaining > look ? (remaining < 5 * look ? remaining : 5 * look) : look;

    private TimeSpan? Remaining()
    {
        if (history.Find(request) is not { } expected)
        {
            return null;
        }

        TimeSpan threshold = Straggler.Threshold(expected.Work, AheadMs(), governor.IsTail(budget));
        if (progress.ExecutionStart is { } start)
        {
            return threshold - time.GetElapsedTime(start);
        }

        long uploaded = progress.Transfer.UploadedBytes + progress.Transfer.SharedBytes;
        if (uploaded != _uploaded)
        {
            _uploaded = uploaded;
            _since = time.GetTimestamp();
        }

        return (threshold > s_upload ? threshold : s_upload) - time.GetElapsedTime(_since);
    }

    // Those that were there before it, in turns of as many as the worker has slots.
    private double AheadMs()
    {
        if (progress.ExecutionStart is null)
        {
            return 0;
        }

        int slots = (int)Math.Max(1, session.Welcome.Slots);
        _aheadMs ??= Math.Ceiling(Math.Max(0, session.Running + session.LoadOfOthers - slots) / (double)slots) * history.MeanMs;
        return _aheadMs.Value;
    }
}
