using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Repr.Plugins;
using Repr.Requester.Actions;

namespace Repr.Requester.Discovery;

/// <summary>A source of addresses and what it is called.</summary>
/// <param name="Name">Of its plugin.</param>
/// <param name="Source">The source; owned by who gets it.</param>
internal sealed record NamedDiscovery(string Name, IWorkerDiscovery Source);

/// <summary>
/// The addresses that all sources of the section <c>Discovery</c> know, together. Nothing is asked before the first action wants to know. Safe
/// for concurrent use.
/// </summary>
internal sealed partial class DiscoveredWorkers : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly IReadOnlyList<NamedDiscovery> _sources;
    private readonly ImmutableHashSet<Uri>[] _found;
    private readonly string?[] _failures;
    private readonly TaskCompletionSource[] _answered;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private ImmutableHashSet<Uri> _current = [];
    private Task? _watching;
    private Task? _first;

    /// <summary>Makes it.</summary>
    public DiscoveredWorkers(IReadOnlyList<NamedDiscovery> sources, TimeProvider time, ILogger log)
    {
        _sources = sources;
        _found = [.. sources.Select(static _ => ImmutableHashSet<Uri>.Empty)];
        _failures = new string?[sources.Count];
        _answered = [.. sources.Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        _time = time;
        _log = log;
    }

    /// <summary>Raised after what is known has changed, on the thread that noticed.</summary>
    public event Action? Changed;

    /// <summary>The settings name a source.</summary>
    public bool IsConfigured => _sources.Count > 0;

    /// <summary>What is known now.</summary>
    public IReadOnlySet<Uri> Current => Volatile.Read(ref _current);

    /// <summary>Waits until each source has said or failed to say something for the first time, or has taken too long. Begins to ask them.</summary>
    public Task WaitForFirstAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _watching ??= Task.WhenAll(Enumerable.Range(0, _sources.Count).Select(index => Task.Run(() => WatchAsync(index))));
            _first ??= Task.WhenAny(
                Task.WhenAll(_answered.Select(static source => source.Task)), Task.Delay(Patience, _time, _stop.Token));
        }

        return _first.WaitAsync(cancellationToken);
    }

    /// <summary>What keeps sources from knowing, as part of a sentence; empty: nothing does.</summary>
    public string DescribeFailures()
    {
        lock (_lock)
        {
            string[] failures = [.. _failures.OfType<string>()];
            return failures.Length == 0 ? "" : $" ({string.Join("; ", failures)})";
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await (_watching ?? Task.CompletedTask);
        foreach (NamedDiscovery source in _sources)
        {
            await PluginServices.DisposeAsync(source.Source);
        }

        _stop.Dispose();
    }

    private async Task WatchAsync(int index)
    {
        bool isWarned = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await foreach (IReadOnlyCollection<Uri> found in _sources[index].Source.WatchAsync(_stop.Token))
                {
                    Note(index, found);
                    isWarned = false;
                }

                _answered[index].TrySetResult();
                return;
            }
#pragma warning disable CA1031 // the border of a plugin: whatever it throws is told, and what it said before holds
            catch (Exception failure)
#pragma warning restore CA1031
            {
                if (_stop.IsCancellationRequested)
                {
                    return;
                }

                string reason = failure.Message.TrimEnd('.');
                lock (_lock)
                {
                    _failures[index] = $"{_sources[index].Name}: {reason}";
                }

                _answered[index].TrySetResult();
                if (!isWarned)
                {
                    isWarned = true;
                    Log.Failed(_log, _sources[index].Name, reason, Current.Count);
                }
            }

            await Task.Delay(AskAgain, _time, _stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private void Note(int index, IReadOnlyCollection<Uri> found)
    {
        ImmutableHashSet<Uri> good = [.. found.Select(Check).OfType<Uri>()];
        bool isChanged;
        lock (_lock)
        {
            _found[index] = good;
            _failures[index] = null;
            ImmutableHashSet<Uri> before = _current;
            ImmutableHashSet<Uri> after = [.. _found.SelectMany(static set => set)];
            Volatile.Write(ref _current, after);
            isChanged = !after.SetEquals(before);
            if (isChanged)
            {
                string workers = string.Join(", ", after.Select(static uri => uri.Authority).Order(StringComparer.Ordinal));
                Log.Changed(_log, _sources[index].Name, after.Count, workers);
            }
        }

        _answered[index].TrySetResult();
        if (isChanged)
        {
            Changed?.Invoke();
        }

        Uri? Check(Uri address)
        {
            try
            {
                return ActionRequest.ParseEndpoint(address.ToString());
            }
            catch (ActionFailureException)
            {
                Log.NoAddress(_log, _sources[index].Name, address);
                return null;
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Discovery '{Name}': {Reason}. The {Count} workers that are known stay; it is asked again.")]
        public static partial void Failed(ILogger log, string name, string reason, int count);

        [LoggerMessage(Level = LogLevel.Information, Message = "Discovery '{Name}': {Count} workers are known now: {Workers}")]
        public static partial void Changed(ILogger log, string name, int count, string workers);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Discovery '{Name}': '{Address}' is not of the form http://host:port or https://host:port")]
        public static partial void NoAddress(ILogger log, string name, Uri address);
    }
}
