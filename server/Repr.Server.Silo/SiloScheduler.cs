using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Repr.Farm;
using Repr.Server.Scheduling;

namespace Repr.Server.Silo;

/// <summary>
/// This worker as a silo of the farm's cluster. It joins in the background and again after it was thrown out (frozen, cut off); until then the
/// pool is away. Safe for concurrent use.
/// </summary>
public sealed partial class SiloScheduler : IScheduler
{
    private static readonly TimeSpan s_joinAgain = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_callTimeout = TimeSpan.FromSeconds(3);

    private readonly FarmEngine _engine;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _joining;
    private Joined? _joined;
    private string _why = "it is being joined";

    /// <summary>Begins to join.</summary>
    public SiloScheduler(FarmEngine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        _engine = engine;
        _logger = engine.Logging.CreateLogger<SiloScheduler>();
        _joining = Task.Run(JoinAsync);
    }

    /// <inheritdoc/>
    public event Action<PoolAnswers>? Answered;

    /// <inheritdoc/>
    public Task<FarmView> BeatAsync(NodeBeat beat, CancellationToken cancellationToken) =>
        CallAsync(joined => joined.Pool.BeatAsync(joined.Silo, beat, joined.Reference), cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<QueueAnswer>> AskAsync(IReadOnlyList<SlotAsk> asks, CancellationToken cancellationToken) =>
        await CallAsync(joined => joined.Pool.AskAsync([.. asks]), cancellationToken);

    /// <inheritdoc/>
    public Task EndAsync(string front, IReadOnlyList<long> withdrawn, IReadOnlyList<LeaseEnd> ends, CancellationToken cancellationToken) => CallAsync(
        async joined =>
        {
            await joined.Pool.EndAsync(front, [.. withdrawn], [.. ends]);
            return true;
        },
        cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _joining;
        _stop.Dispose();
    }

    private async Task<T> CallAsync<T>(Func<Joined, Task<T>> call, CancellationToken cancellationToken)
    {
        Joined joined = Volatile.Read(ref _joined) ?? throw new SchedulerUnavailableException($"The farm at {_engine.Store.Host} has no pool for this worker: {_why}");
        try
        {
            return await call(joined).WaitAsync(s_callTimeout, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw new SchedulerUnavailableException($"The farm's pool does not answer: {FirstLineOf(exception)}", exception);
        }
    }

    private static string FirstLineOf(Exception exception) => exception.Message.Split('\n', 2)[0].Trim();

    private async Task JoinAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await LiveAsync();
            }
#pragma warning disable CA1031 // whatever keeps it from the farm is told once, and tried again
            catch (Exception exception)
#pragma warning restore CA1031
            {
                string why = FirstLineOf(exception.GetBaseException());
                if (why != _why && !_stop.IsCancellationRequested)
                {
                    Log.CannotJoin(_logger, _engine.Store.Host, why);
                }

                _why = why;
            }

            await Task.Delay(s_joinAgain, _stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    // One life as a silo.
    private async Task LiveAsync()
    {
        SiloDeath death = new();
        using IHost host = SiloHost.Build(_engine, death);
        await host.StartAsync(_stop.Token);
        try
        {
            IGrainFactory grains = host.Services.GetRequiredService<IGrainFactory>();
            Observer observer = new(this); // Orleans holds it weakly
            Joined joined = new(
                grains.GetGrain<IPoolGrain>(0),
                host.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString(),
                grains.CreateObjectReference<IFrontObserver>(observer));
            Log.Joined(_logger, joined.Silo);
            Volatile.Write(ref _joined, joined);
            using CancellationTokenRegistration stop = _stop.Token.Register(() => death.Die("the worker stops"));
            _why = await death.Reason;
            GC.KeepAlive(observer);
            if (!_stop.IsCancellationRequested)
            {
                Log.ThrownOut(_logger, _why);
            }
        }
        finally
        {
            Volatile.Write(ref _joined, null);
            using CancellationTokenSource limit = new(s_callTimeout);
            await host.StopAsync(limit.Token);
        }
    }

    private sealed record Joined(IPoolGrain Pool, string Silo, IFrontObserver Reference);

    private sealed class Observer(SiloScheduler scheduler) : IFrontObserver
    {
        public Task AnswerAsync(PoolAnswers answers)
        {
            scheduler.Answered?.Invoke(answers);
            return Task.CompletedTask;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Joined the farm as silo {Silo}")]
        public static partial void Joined(ILogger logger, string silo);

        [LoggerMessage(LogLevel.Warning, "The farm at {Store} can't be joined, it is tried again: {Reason}")]
        public static partial void CannotJoin(ILogger logger, string store, string reason);

        [LoggerMessage(LogLevel.Warning, "This worker is no part of the farm any more and joins it again: {Reason}")]
        public static partial void ThrownOut(ILogger logger, string reason);
    }
}
