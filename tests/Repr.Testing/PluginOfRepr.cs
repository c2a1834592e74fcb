using System.Text.Json;
using Repr.Plugins;

namespace Repr.Testing;

/// <summary>A plugin that comes with Repr, read from a settings file and loaded as the product does it.</summary>
public static class PluginOfRepr
{
    /// <summary>Loads a plugin and makes its service, which the caller disposes.</summary>
    /// <param name="section">The section of the settings file, as in "Stores".</param>
    /// <param name="plugin">Its directory below "plugins", as in "redis".</param>
    /// <param name="options">What the settings say.</param>
    /// <returns>Its name and the service.</returns>
    /// <exception cref="ArgumentException">The settings are wrong; the message has all that is.</exception>
    public static (string Name, TService Service) Make<TService>(string section, string plugin, object options)
        where TService : class
    {
        string settings = Path.GetTempFileName();
        try
        {
            string folder = Path.Combine(Repository.Product, "plugins", plugin);
            string assembly = Directory.GetFiles(folder, "*.runtimeconfig.json").Single().Replace(".runtimeconfig.json", ".dll", StringComparison.Ordinal);
            Dictionary<string, object> sections = new() { [section] = new[] { new { Plugin = assembly, Options = options } } };
            File.WriteAllText(settings, JsonSerializer.Serialize(sections));
            PluginSettings read = PluginSettings.Read(settings, "REPR_TEST__");
            IReadOnlyList<SelectedPlugin<TService>> selected = read.Select<TService>(section);
            return read.Problems.Count == 0
                ? (selected.Single().Name, selected.Single().Create(new PluginContext(TimeProvider.System, static _ => { })))
                : throw new ArgumentException(string.Join('\n', read.Problems));
        }
        finally
        {
            File.Delete(settings);
        }
    }
}
