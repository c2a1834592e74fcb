namespace Repr.Plugins;

/// <summary>A plugin with valid options, ready to make its service.</summary>
/// <param name="Name">What it calls itself.</param>
/// <param name="Settings">What the host, not the plugin, is told about it, by the names that the host knows.</param>
/// <param name="Create">Makes the service. Throws <see cref="ArgumentException"/> for a setting that only the plugin knows to be wrong.</param>
public sealed record SelectedPlugin<TService>(string Name, IReadOnlyDictionary<string, string> Settings, Func<PluginContext, TService> Create)
    where TService : class;
