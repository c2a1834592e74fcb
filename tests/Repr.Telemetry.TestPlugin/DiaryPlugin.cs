using System.ComponentModel.DataAnnotations;

namespace Repr.Telemetry.TestPlugin;

/// <summary>What the sink does with an event.</summary>
public enum Behaviour
{
    /// <summary>Takes it.</summary>
    Write,

    /// <summary>Throws.</summary>
    Throw,

    /// <summary>Never returns, and keeps no thread.</summary>
    Hang,

    /// <summary>Never returns, and keeps the thread.</summary>
    Block,
}

/// <summary>Options of <see cref="DiaryPlugin"/>.</summary>
public sealed class DiaryOptions
{
    /// <summary>File that gets a line for each event.</summary>
    [Required]
    public string File { get; set; } = "";

    /// <summary>What is done at the start.</summary>
    public Behaviour OnStart { get; set; }

    /// <summary>What is done with an event.</summary>
    public Behaviour OnEvent { get; set; }
}

/// <summary>"diary": a line for people in a file for each event; it can also do all that a sink must not do.</summary>
public sealed class DiaryPlugin : IPlugin<ITelemetrySink, DiaryOptions>
{
    /// <inheritdoc/>
    public string Name => "diary";

    /// <inheritdoc/>
    public ITelemetrySink Create(DiaryOptions options, PluginContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Diary(options);
    }

    private sealed class Diary(DiaryOptions options) : ITelemetrySink
    {
        public Task StartAsync(TelemetrySource source, CancellationToken cancellationToken) =>
            DoAsync(options.OnStart, $"start of {source.Service} {source.Version}", cancellationToken);

        public Task WriteAsync(TelemetryEvent telemetryEvent, CancellationToken cancellationToken) => DoAsync(
            options.OnEvent,
            telemetryEvent switch
            {
                ActionCompleted action => $"{action.Outcome}: {action.Description} in {action.BuildId}",
                BuildEnded build => $"end of {build.BuildId}: {build.Remote} remote",
                ActionExecuted execution => $"executed: {execution.Description} {execution.Exit}",
                _ => "something of a later version",
            },
            cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private async Task DoAsync(Behaviour behaviour, string line, CancellationToken cancellationToken)
        {
            switch (behaviour)
            {
                case Behaviour.Throw:
                    throw new InvalidOperationException("the diary is full");
                case Behaviour.Hang:
                    await Task.Delay(Timeout.Infinite, CancellationToken.None);
                    break;
                case Behaviour.Block:
                    Thread.Sleep(Timeout.Infinite);
                    break;
                default:
                    await File.AppendAllTextAsync(options.File, line + "\n", cancellationToken);
                    break;
            }
        }
    }
}
