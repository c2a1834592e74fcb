using Microsoft.Extensions.Configuration;

namespace Repr.Plugins;

/// <summary>A plugin whose options are not known by type.</summary>
internal abstract class LoadedPlugin<TService>
    where TService : class
{
    /// <summary>What it calls itself.</summary>
    public abstract string Name { get; }

    /// <summary>Binds and validates its options.</summary>
    /// <param name="section">The options in the settings.</param>
    /// <param name="problems">Gets a sentence for each setting that is wrong.</param>
    /// <returns>What makes the service; null when there are problems.</returns>
    public abstract Func<PluginContext, TService>? Bind(IConfigurationSection section, ICollection<string> problems);
}

/// <inheritdoc/>
internal sealed class LoadedPlugin<TService, TOptions>(IPlugin<TService, TOptions> plugin) : LoadedPlugin<TService>
    where TService : class
    where TOptions : class, new()
{
    /// <inheritdoc/>
    public override string Name => plugin.Name;

    /// <inheritdoc/>
    public override Func<PluginContext, TService>? Bind(IConfigurationSection section, ICollection<string> problems)
    {
        int before = problems.Count;
        TOptions options = OptionsBinder.Bind<TOptions>(section, problems);
        return problems.Count == before ? context => plugin.Create(options, context) : null;
    }
}
