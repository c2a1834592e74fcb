namespace Repr.Farm;

/// <summary>A pool in this process: nothing to install, and no other process. Safe for concurrent use.</summary>
public sealed class LocalScheduler : IScheduler
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly Pool _pool;
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly ITimer _timer;

    /// <summary>Makes it.</summary>
    public LocalScheduler(PoolOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        _pool = new Pool(options, Guid.NewGuid().ToString("N")[..8]);
        _time = time;
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Serve(static (_, _) => true), null, s_interval, s_interval);
    }

    /// <inheritdoc/>
    public event Action<PoolAnswers>? Answered;

    /// <inheritdoc/>
    public Task<FarmView> BeatAsync(NodeBeat beat, CancellationToken cancellationToken) => Task.FromResult(Serve((pool, now) =>
    {
        pool.Beat(beat, now);
        return pool.View(now);
    }));

    /// <inheritdoc/>
    public Task<IReadOnlyList<QueueAnswer>> AskAsync(IReadOnlyList<SlotAsk> asks, CancellationToken cancellationToken) =>
        Task.FromResult(Serve<IReadOnlyList<QueueAnswer>>((pool, now) => [.. asks.Select(ask => pool.Ask(ask, now))]));

    /// <inheritdoc/>
    public Task EndAsync(string front, IReadOnlyList<long> withdrawn, IReadOnlyList<LeaseEnd> ends, CancellationToken cancellationToken)
    {
        Serve((pool, now) =>
        {
            pool.End(front, withdrawn, ends, now);
            return true;
        });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private T Serve<T>(Func<Pool, TimeSpan, T> change)
    {
        T result;
        PoolAnswers answers;
        lock (_lock)
        {
            TimeSpan now = _time.GetElapsedTime(_start);
            result = change(_pool, now);
            answers = _pool.Serve(now);
        }

        if (!answers.IsEmpty)
        {
            Answered?.Invoke(answers);
        }

        return result;
    }
}
