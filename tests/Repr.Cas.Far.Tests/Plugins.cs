using System.Text.Json;
using Repr.Plugins;

namespace Repr.Cas.Far.Tests;

/// <summary>Makes stores as a worker does: a settings file names the plugin, the loader finds it beside the program.</summary>
internal static class Plugins
{
    /// <summary>Makes a store, as it is.</summary>
    public static IContentStore Create(string plugin, IReadOnlyDictionary<string, object?> options)
    {
        (IReadOnlyList<SelectedPlugin<IContentStore>> selected, IReadOnlyList<string> problems) = Select(plugin, options);
        Assert.Empty(problems);
        return Assert.Single(selected).Create(new PluginContext(TimeProvider.System, static _ => { }));
    }

    /// <summary>What is wrong with options.</summary>
    public static IReadOnlyList<string> ProblemsOf(string plugin, IReadOnlyDictionary<string, object?> options) =>
        Select(plugin, options).Problems;

    private static (IReadOnlyList<SelectedPlugin<IContentStore>> Selected, IReadOnlyList<string> Problems) Select(
        string plugin, IReadOnlyDictionary<string, object?> options)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, JsonSerializer.Serialize(new { Stores = new[] { new { Plugin = plugin, Options = options } } }));
            PluginSettings settings = PluginSettings.Read(path, "REPR_TEST__");
            IReadOnlyList<SelectedPlugin<IContentStore>> selected = settings.Select<IContentStore>("Stores");
            return (selected, settings.Problems);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
