namespace Repr;

/// <summary>
/// Makes services of one kind: a content store, a source of worker addresses, and so on. A plugin's assembly has one public type with a
/// constructor without parameters for each kind of service that it offers. docs/plugins.md shows how to write one.
/// </summary>
/// <typeparam name="TService">The kind: an interface of Repr.Core.</typeparam>
/// <typeparam name="TOptions">
/// What the settings are bound to: a class with settable properties. The attributes of <c>System.ComponentModel.DataAnnotations</c> on
/// them, and <c>IValidatableObject</c>, are checked before <see cref="Create"/> is called.
/// </typeparam>
public interface IPlugin<out TService, in TOptions>
    where TService : class
    where TOptions : class, new()
{
    /// <summary>What the settings select it by, as in "redis".</summary>
    string Name { get; }

    /// <summary>
    /// Makes a service. Connects to nothing yet, where it can: a server that is away when the process starts is no wrong setting. The
    /// host disposes the service when it implements <see cref="IAsyncDisposable"/> or <see cref="IDisposable"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A setting is wrong in a way that attributes can't say; the message names it.</exception>
    TService Create(TOptions options, PluginContext context);
}

/// <summary>What the host gives to a plugin.</summary>
/// <param name="Time">The clock.</param>
/// <param name="Warn">
/// Takes one line about something that a person should know and that is no failure of a call. Never put a secret into it. Safe for
/// concurrent use.
/// </param>
public sealed record PluginContext(TimeProvider Time, Action<string> Warn);
