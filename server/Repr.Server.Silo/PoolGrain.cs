using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Repr.Farm;

namespace Repr.Server.Silo;

/// <summary>The pool in a grain: Orleans makes sure that there is one, and that its calls come one after another. All rules are in <see cref="Pool"/>.</summary>
/// <param name="options">The farm's rules, as this silo has them.</param>
/// <param name="membership">Tells which silos are dead.</param>
/// <param name="logger">Is told when a pool begins and when a worker is gone.</param>
[KeepAlive]
internal sealed partial class PoolGrain(PoolOptions options, ISiloStatusOracle membership, ILogger<PoolGrain> logger) : Grain, IPoolGrain, ISiloStatusListener
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    private readonly Pool _pool = new(options, Guid.NewGuid().ToString("N")[..8]);
    private readonly Dictionary<string, (string Silo, IFrontObserver Front)> _fronts = new(StringComparer.Ordinal);
    private readonly long _start = Stopwatch.GetTimestamp();
    private TaskScheduler _turns = TaskScheduler.Default;

    private TimeSpan Now => Stopwatch.GetElapsedTime(_start);

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _turns = TaskScheduler.Current;
        membership.SubscribeToSiloStatusEvents(this);
        this.RegisterGrainTimer(_ => ServeAsync(), new GrainTimerCreationOptions(s_interval, s_interval) { KeepAlive = true });
        Log.Begins(logger);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        membership.UnSubscribeFromSiloStatusEvents(this);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<FarmView> BeatAsync(string silo, NodeBeat beat, IFrontObserver front)
    {
        _fronts[beat.Node] = (silo, front);
        _pool.Beat(beat, Now);
        await ServeAsync();
        return _pool.View(Now);
    }

    /// <inheritdoc/>
    public async Task<QueueAnswer[]> AskAsync(SlotAsk[] asks)
    {
        QueueAnswer[] answers = [.. asks.Select(ask => _pool.Ask(ask, Now))];
        await ServeAsync();
        return answers;
    }

    /// <inheritdoc/>
    public Task EndAsync(string front, long[] withdrawn, LeaseEnd[] ends)
    {
        _pool.End(front, withdrawn, ends, Now);
        return ServeAsync();
    }

    /// <inheritdoc/>
    public void SiloStatusChangeNotification(SiloAddress updatedSilo, SiloStatus status)
    {
        if (status == SiloStatus.Dead)
        {
            string dead = updatedSilo.ToParsableString();
            _ = Task.Factory.StartNew(() => LeaveAsync(dead), CancellationToken.None, TaskCreationOptions.None, _turns);
        }
    }

    private Task LeaveAsync(string silo)
    {
        foreach (string node in _fronts.Where(pair => pair.Value.Silo == silo).Select(static pair => pair.Key).ToArray())
        {
            Log.Left(logger, node);
            _fronts.Remove(node);
            _pool.Leave(node);
        }

        return ServeAsync();
    }

    private Task ServeAsync()
    {
        PoolAnswers answers = _pool.Serve(Now);
        foreach (QuarantineNotice notice in _pool.TakeNotices())
        {
            if (notice.DiffersFrom.Count > 0)
            {
                Log.Differs(logger, notice.Worker, string.Join(" and ", notice.DiffersFrom), notice.Seconds);
            }
            else
            {
                Log.Fails(logger, notice.Worker, notice.Seconds);
            }
        }

        foreach (string name in answers.Fronts)
        {
            if (_fronts.TryGetValue(name, out (string Silo, IFrontObserver Front) front))
            {
                _ = front.Front.AnswerAsync(answers.For(name)); // one way
            }
        }

        return Task.CompletedTask;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "The farm's pool begins here")]
        public static partial void Begins(ILogger logger);

        [LoggerMessage(LogLevel.Warning, "REPR1207: Worker {Node} gets no actions for {Seconds:F0} s: its results are not those of {Others}. Check its memory and disk, and start it with an empty data directory")]
        public static partial void Differs(ILogger logger, string node, string others, double seconds);

        [LoggerMessage(LogLevel.Warning, "REPR1207: Worker {Node} gets no actions for {Seconds:F0} s: it failed several times in a row")]
        public static partial void Fails(ILogger logger, string node, double seconds);

        [LoggerMessage(LogLevel.Warning, "Worker {Node} is gone: its silo is dead")]
        public static partial void Left(ILogger logger, string node);
    }
}
