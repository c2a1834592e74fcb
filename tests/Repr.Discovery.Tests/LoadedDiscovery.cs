using Repr.Testing;

namespace Repr.Discovery.Tests;

/// <summary>A source that a plugin makes: read from settings and loaded as a requester does it. Its sets are taken one by one.</summary>
internal sealed class LoadedDiscovery : IAsyncDisposable
{
    private readonly IWorkerDiscovery _source;
    private IAsyncEnumerator<IReadOnlyCollection<Uri>>? _sets;

    private LoadedDiscovery(IWorkerDiscovery source) => _source = source;

    /// <summary>Loads a plugin that comes with Repr.</summary>
    /// <exception cref="ArgumentException">The settings are wrong; the message has all that is.</exception>
    public static LoadedDiscovery Load(string plugin, object options) => new(Make(plugin, options));

    /// <summary>Loads a plugin that comes with Repr and makes its source.</summary>
    /// <exception cref="ArgumentException">The settings are wrong; the message has all that is.</exception>
    public static IWorkerDiscovery Make(string plugin, object options) =>
        PluginOfRepr.Make<IWorkerDiscovery>("Discovery", plugin, options).Service;

    /// <summary>The next set, sorted.</summary>
    public async Task<IEnumerable<string>> NextAsync()
    {
        _sets ??= _source.WatchAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        try
        {
            Assert.True(await _sets.MoveNextAsync(), "It has ended.");
            return _sets.Current.Select(address => address.ToString().TrimEnd('/')).Order(StringComparer.Ordinal);
        }
        catch
        {
            _sets = null; // the next one asks anew, as the requester does
            throw;
        }
    }

    /// <summary>The next set that is this one; others may come before it.</summary>
    public async Task ExpectAsync(params string[] addresses)
    {
        while (!(await NextAsync()).SequenceEqual(addresses.Order(StringComparer.Ordinal)))
        {
            // A change that came in two steps.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_sets is not null)
        {
            await _sets.DisposeAsync();
        }

        (_source as IDisposable)?.Dispose();
    }
}
