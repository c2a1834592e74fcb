namespace Repr.Plugins;

/// <summary>A plugin with valid options, ready to make its service.</summary>
/// <param name="Name">What it calls itself.</param>
/// <param name="Create">Makes the service. Throws <see cref="ArgumentException"/> for a setting that only the plugin knows to be wrong.</param>
public sealed record SelectedPlugin<TService>(string Name, Func<PluginContext, TService> Create)
    where TService : class;
