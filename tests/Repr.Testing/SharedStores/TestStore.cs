using System.Text.Json;

namespace Repr.Testing.SharedStores;

/// <summary>
/// A store that workers and requesters share, as tests need it: with settings that name its plugin, and in the test's hand, so that it
/// can go away. Starts where it is made.
/// </summary>
public abstract class TestStore : IAsyncDisposable
{
    /// <summary>The plugin, as settings name it.</summary>
    public abstract string Plugin { get; }

    /// <summary>Its options.</summary>
    public abstract IReadOnlyDictionary<string, object> Options { get; }

    /// <summary>The settings file of a worker or requester that uses it.</summary>
    public string Settings => JsonSerializer.Serialize(new { Stores = new[] { new { Plugin, Options } } });

    /// <summary>Makes it go away without a word, as a killed server does.</summary>
    public abstract Task KillAsync();

    /// <summary>Lets it come back, with what it had.</summary>
    public abstract Task RestartAsync();

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
