using Repr.Telemetry;

namespace Repr.Requester.Tests.Telemetry;

/// <summary>A sink may do what it wants: nobody waits for it, and it is told once.</summary>
public sealed class TelemetrySinksTests
{
    private readonly CollectingLogger _log = new();

    [Fact]
    public async Task Events_come_in_order_and_all_of_them_before_the_end()
    {
        TestSink sink = new();
        await using (TelemetrySinks sinks = await StartAsync(sink))
        {
            for (int index = 0; index < 1000; index++)
            {
                sinks.Post(Event($"{index}"));
            }
        }

        Assert.Equal(Enumerable.Range(0, 1000).Select(index => $"{index}"), sink.Taken);
        Assert.True(sink.IsDisposed);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task A_sink_that_throws_loses_its_event_alone_and_is_told_once()
    {
        TestSink sink = new() { OnWrite = build => build == "bad" ? throw new InvalidOperationException("no") : Task.CompletedTask };
        TestSink other = new();
        await using (TelemetrySinks sinks = await StartAsync(sink, other))
        {
            Array.ForEach(["1", "bad", "2", "bad", "3"], build => sinks.Post(Event(build)));
        }

        Assert.Equal(["1", "2", "3"], sink.Taken);
        Assert.Equal(["1", "bad", "2", "bad", "3"], other.Taken);
        Assert.Contains("no", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_waits_for_a_sink_that_hangs_and_its_queue_is_bounded()
    {
        TaskCompletionSource never = new();
        TestSink sink = new() { OnWrite = _ => never.Task };
        TestSink other = new();
        await using (TelemetrySinks sinks = await StartAsync(sink, other))
        {
            for (int index = 0; index < 5000; index++)
            {
                sinks.Post(Event("event"));
                if (index % 100 == 0)
                {
                    await Task.Delay(1, TestContext.Current.CancellationToken); // the other one keeps up
                }
            }
        }

        Assert.Empty(sink.Taken);
        Assert.Equal(5000, other.Taken.Count);
        Assert.Contains("does not keep up", Assert.Single(_log.Lines), StringComparison.Ordinal);
        never.SetResult();
    }

    [Fact]
    public async Task A_sink_that_does_not_start_gets_nothing_and_is_told_once()
    {
        TestSink sink = new() { OnStart = () => throw new InvalidOperationException("port in use") };
        await using (TelemetrySinks sinks = await StartAsync(sink))
        {
            sinks.Post(Event("1"));
        }

        Assert.Empty(sink.Taken);
        Assert.True(sink.IsDisposed);
        Assert.Contains("port in use", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    private static BuildEnded Event(string build) => new()
    {
        Time = default,
        BuildId = build,
        Started = default,
        Remote = 0,
        NotRun = 0,
        Cancelled = 0,
        AskedBack = 0,
        UploadedBytes = 0,
        DownloadedBytes = 0,
    };

    private Task<TelemetrySinks> StartAsync(params TestSink[] sinks) => TelemetrySinks.StartAsync(
        [.. sinks.Select((sink, index) => new NamedSink($"sink {index}", () => sink))],
        new TelemetrySource("test", "0", "0", "Repr", "Repr"),
        TimeProvider.System,
        _log);

    private sealed class TestSink : ITelemetrySink
    {
        public Func<Task> OnStart { get; init; } = () => Task.CompletedTask;

        public Func<string, Task> OnWrite { get; init; } = _ => Task.CompletedTask;

        public List<string> Taken { get; } = [];

        public bool IsDisposed { get; private set; }

        public Task StartAsync(TelemetrySource source, CancellationToken cancellationToken) => OnStart();

        public async Task WriteAsync(TelemetryEvent telemetryEvent, CancellationToken cancellationToken)
        {
            await OnWrite(telemetryEvent.BuildId);
            Taken.Add(telemetryEvent.BuildId);
        }

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return ValueTask.CompletedTask;
        }
    }
}
