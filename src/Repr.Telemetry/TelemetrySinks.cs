using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Repr.Telemetry;

/// <summary>A sink and what it is called.</summary>
/// <param name="Name">Of its plugin.</param>
/// <param name="Create">Makes it.</param>
public sealed record NamedSink(string Name, Func<ITelemetrySink> Create);

/// <summary>
/// The sinks of a process. What happens is never held up and never harmed by them: each has a bounded queue and a loop of its own, and the
/// first thing that goes wrong with it is one warning. Safe for concurrent use.
/// </summary>
public sealed partial class TelemetrySinks : IAsyncDisposable
{
    private const int QueueLength = 4096;

    private readonly Sink[] _sinks;

    private TelemetrySinks(Sink[] sinks) => _sinks = sinks;

    /// <summary>How long a process waits for a sink that starts or ends.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(5);

    /// <summary>There is none.</summary>
    public bool IsEmpty => _sinks.Length == 0;

    /// <summary>Makes and starts sinks; when it returns, they listen, except those that failed or took too long.</summary>
    public static async Task<TelemetrySinks> StartAsync(IReadOnlyCollection<NamedSink> sinks, TelemetrySource source, TimeProvider time, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(sinks);
        Sink[] started = [.. sinks.Select(sink => new Sink(sink, source, time, log))];
        await Task.WhenAll(started.Select(static sink => sink.WaitForStartAsync()));
        return new TelemetrySinks(started);
    }

    /// <summary>Puts an event into the queues; where there is no room, it is dropped.</summary>
    public void Post(TelemetryEvent telemetryEvent)
    {
        foreach (Sink sink in _sinks)
        {
            sink.Post(telemetryEvent);
        }
    }

    /// <summary>Lets the sinks take what is in their queues and send what they hold, for at most <see cref="Patience"/>.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_sinks.Select(static sink => sink.DisposeAsync().AsTask()));

    private sealed class Sink : IAsyncDisposable
    {
        private readonly Channel<TelemetryEvent> _queue = Channel.CreateBounded<TelemetryEvent>(
            new BoundedChannelOptions(QueueLength) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource _impatient = new(); // never disposed: a hanging sink may still look at its token
        private readonly string _name;
        private readonly TimeProvider _time;
        private readonly ILogger _log;
        private readonly Task _loop;
        private int _warned;

        public Sink(NamedSink sink, TelemetrySource source, TimeProvider time, ILogger log)
        {
            _name = sink.Name;
            _time = time;
            _log = log;

            // A thread of its own: a sink that takes long to load takes none from others.
            _loop = Task.Factory.StartNew(
                () => RunAsync(sink.Create, source), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
        }

        public void Post(TelemetryEvent telemetryEvent)
        {
            if (!_queue.Writer.TryWrite(telemetryEvent))
            {
                Warn($"it does not keep up; events are dropped beyond {QueueLength}");
            }
        }

        public async Task WaitForStartAsync()
        {
            try
            {
                await _started.Task.WaitAsync(Patience, _time);
            }
            catch (TimeoutException)
            {
                Warn($"it has not started within {Patience.TotalSeconds:0} s; going on without waiting for it");
            }
        }

        public async ValueTask DisposeAsync()
        {
            _queue.Writer.TryComplete();
            try
            {
                await _loop.WaitAsync(Patience, _time);
            }
            catch (TimeoutException)
            {
                Warn($"it has not ended within {Patience.TotalSeconds:0} s; what it still had is lost");
                await _impatient.CancelAsync();
            }
        }

        private async Task RunAsync(Func<ITelemetrySink> create, TelemetrySource source)
        {
            ITelemetrySink? sink = null;
            try
            {
                sink = create();
                await sink.StartAsync(source, _impatient.Token);
            }
#pragma warning disable CA1031 // the border of a plugin: whatever it throws is told, and harms nobody
            catch (Exception failure)
#pragma warning restore CA1031
            {
                Warn($"it did not start: {failure.Message}");
                _queue.Writer.TryComplete();
                if (sink is not null)
                {
                    await GuardAsync(() => sink.DisposeAsync().AsTask(), "it did not end well");
                }

                return;
            }
            finally
            {
                _started.TrySetResult();
            }

            await foreach (TelemetryEvent next in _queue.Reader.ReadAllAsync())
            {
                await GuardAsync(() => sink.WriteAsync(next, _impatient.Token), "an event was lost");
            }

            await GuardAsync(() => sink.DisposeAsync().AsTask(), "it did not end well");
        }

        private async Task GuardAsync(Func<Task> call, string what)
        {
            try
            {
                await call();
            }
#pragma warning disable CA1031 // see above
            catch (Exception failure)
#pragma warning restore CA1031
            {
                Warn($"{what}: {failure.Message}");
            }
        }

        private void Warn(string what)
        {
            if (Interlocked.Exchange(ref _warned, 1) == 0)
            {
                Log.SinkFailed(_log, _name, what);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "Telemetry '{Name}': {What}. Builds are not affected; this is told once.")]
        public static partial void SinkFailed(ILogger logger, string name, string what);
    }
}
