using System.Reflection;
using System.Text.Json;

namespace Repr.Plugins.Tests;

public sealed class PluginSettingsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-settings-").FullName;

    /// <summary>The assembly of the plugin, which this assembly does not reference.</summary>
    internal static string PluginPath { get; } = typeof(PluginSettingsTests).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(static attribute => attribute.Key == "TestPlugin").Value!;

    private static PluginContext Context { get; } = new(TimeProvider.System, static _ => { });

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_plugin_comes_with_its_own_library_into_a_context_of_its_own()
    {
        PluginSettings settings = Read(Entry(PluginPath, "Folder", _directory));

        SelectedPlugin<IContentStore> plugin = Assert.Single(settings.Select<IContentStore>("Stores"));

        Assert.Empty(settings.Problems);
        Assert.Equal("zstd-folder", plugin.Name);
        IContentStore store = plugin.Create(Context);
        Assert.NotEqual(
            System.Runtime.Loader.AssemblyLoadContext.Default,
            System.Runtime.Loader.AssemblyLoadContext.GetLoadContext(store.GetType().Assembly));
    }

    [Fact]
    public void A_path_is_relative_to_the_settings_file()
    {
        PluginSettings settings = Read(Entry(Path.GetRelativePath(_directory, PluginPath), "Folder", _directory));

        Assert.Single(settings.Select<IContentStore>("Stores"));
        Assert.Empty(settings.Problems);
    }

    [Fact]
    public void All_that_is_wrong_is_told_at_once_and_names_the_setting()
    {
        PluginSettings settings = Read(new
        {
            Stores = new object[]
            {
                new { Plugin = PluginPath, Options = new { } },
                new { Plugin = PluginPath, Options = new { Folder = _directory, Foldr = "x" } },
                new { Plugin = "no-such" },
                new { Plugin = Path.Combine(_directory, "none.dll") },
                new { Plugin = typeof(Digest).Assembly.Location },
                new { Options = new { Folder = _directory } },
                new { Plugin = PluginPath, Option = new { }, Options = new { Folder = _directory } },
            },
            Shops = Array.Empty<object>(),
            Nothing = 1,
        });

        settings.Select<IContentStore>("Stores");

        Assert.Collection(
            settings.Problems,
            problem => Assert.Equal("Stores:0:Options:Folder: The Folder field is required.", problem),
            problem => Assert.Equal("Stores:1:Options:Foldr: there is no such setting; known: Folder.", problem),
            problem => Assert.StartsWith("Stores:2:Plugin: 'no-such' is no plugin that comes with Repr", problem, StringComparison.Ordinal),
            problem => Assert.StartsWith("Stores:3:Plugin: " + Path.Combine(_directory, "none.dll") + " can't be loaded", problem, StringComparison.Ordinal),
            problem => Assert.Contains("Stores:4:Plugin: ", problem, StringComparison.Ordinal),
            problem => Assert.Equal("Stores:5:Plugin: is missing.", problem),
            problem => Assert.Equal("Stores:6:Option: there is no such setting; known: Plugin, Options.", problem),
            problem => Assert.Equal("Nothing: there is no such section.", problem),
            problem => Assert.Equal("Shops: there is no such section.", problem));
    }

    [Fact]
    public void An_empty_list_or_object_is_no_null()
    {
        ListsOptions options = Read(new { Lists = new { Names = Array.Empty<string>(), Weights = new { } } }).Bind<ListsOptions>("Lists");

        Assert.Empty(options.Names);
        Assert.Empty(options.Weights);
    }

    private sealed class ListsOptions
    {
        public IList<string> Names { get; set; } = [];

        public IDictionary<string, double> Weights { get; set; } = new Dictionary<string, double>();
    }

    [Fact]
    public void A_plugin_that_does_not_come_with_the_program_makes_no_services_of_its_section()
    {
        PluginSettings settings = Read(new { Peers = new { Folder = _directory } });

        Assert.Null(settings.SelectMany<IContentStore>("Peers", "no-such", new Dictionary<string, string?> { ["Folder"] = "/x" }));

        Assert.Collection(
            settings.Problems,
            problem => Assert.Equal("Peers:Folder: is not to be set, it is known.", problem),
            problem => Assert.StartsWith("Peers: 'no-such' is no plugin that comes with Repr", problem, StringComparison.Ordinal));
    }

    [Fact]
    public void The_section_of_a_plugin_and_what_the_host_knows_make_as_many_services_as_are_needed()
    {
        PluginSettings settings = Read(new { Peers = new { } });

        Func<IReadOnlyDictionary<string, string?>, PluginContext, IContentStore>? create = settings.SelectMany<IContentStore>("Peers", PluginPath, new Dictionary<string, string?> { ["Folder"] = _directory });

        Assert.Empty(settings.Problems);
        Assert.NotSame(
            create!(new Dictionary<string, string?> { ["Folder"] = Path.Combine(_directory, "a") }, Context),
            create(new Dictionary<string, string?> { ["Folder"] = Path.Combine(_directory, "b") }, Context));
        Assert.StartsWith(
            "Peers:Folder: ",
            Assert.Throws<ArgumentException>(() => create(new Dictionary<string, string?>(), Context)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_assembly_is_refused()
    {
        string path = Path.Combine(_directory, "text.dll");
        File.WriteAllText(path, "This is no assembly.");
        PluginSettings settings = Read(Entry(path, "Folder", _directory));

        Assert.Empty(settings.Select<IContentStore>("Stores"));

        Assert.Contains(path, Assert.Single(settings.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_missing_or_no_json_is_refused_by_name()
    {
        string path = Path.Combine(_directory, "none.json");
        Assert.Contains(path, Assert.Throws<ArgumentException>(() => PluginSettings.Read(path, "REPR_TEST__")).Message, StringComparison.Ordinal);

        File.WriteAllText(path, "{ this is not }");
        Assert.Contains(path, Assert.Throws<ArgumentException>(() => PluginSettings.Read(path, "REPR_TEST__")).Message, StringComparison.Ordinal);
    }

    private static object Entry(string plugin, string option, string value) =>
        new { Stores = new[] { new { Plugin = plugin, Options = new Dictionary<string, string> { [option] = value } } } };

    private PluginSettings Read(object settings)
    {
        string path = Path.Combine(_directory, "repr.json");
        File.WriteAllText(path, JsonSerializer.Serialize(settings));
        return PluginSettings.Read(path, "REPR_TEST__");
    }
}
