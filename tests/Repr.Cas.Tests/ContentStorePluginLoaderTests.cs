using System.Reflection;
using Repr.Testing;

namespace Repr.Cas.Tests;

/// <summary>The contract over a store that a plugin in an assembly of its own makes, verified as all plugins' stores are.</summary>
public sealed class ContentStorePluginLoaderTests : ContentStoreContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("repr-plugin-").FullName;

    /// <summary>The assembly of the plugin, which this assembly does not reference.</summary>
    internal static string PluginPath { get; } = typeof(ContentStorePluginLoaderTests).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(static attribute => attribute.Key == "TestPlugin").Value!;

    protected override ValueTask<IContentStore> CreateStoreAsync(CancellationToken cancellationToken)
    {
        IContentStorePlugin plugin = ContentStorePluginLoader.Load(PluginPath);
        IContentStore store = plugin.Create(new Dictionary<string, string> { ["folder"] = _folder });
        return ValueTask.FromResult<IContentStore>(new VerifyingContentStore(store, plugin.Name));
    }

    protected override ValueTask DisposeStoreAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return base.DisposeStoreAsync();
    }

    [Fact]
    public void The_plugin_comes_with_its_own_library_into_a_context_of_its_own()
    {
        IContentStorePlugin plugin = ContentStorePluginLoader.Load(PluginPath);

        Assert.Equal("zstd-folder", plugin.Name);
        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), assembly =>
            assembly == plugin.GetType().Assembly
            && System.Runtime.Loader.AssemblyLoadContext.GetLoadContext(assembly) == System.Runtime.Loader.AssemblyLoadContext.Default);
    }

    [Fact]
    public void An_assembly_without_a_plugin_is_refused() =>
        AssertRefused(typeof(Digest).Assembly.Location, "0 public types");

    [Fact]
    public void A_missing_assembly_is_refused() => AssertRefused(Path.Combine(_folder, "none.dll"), "none.dll");

    [Fact]
    public void A_file_that_is_no_assembly_is_refused()
    {
        string path = Path.Combine(_folder, "text.dll");
        File.WriteAllText(path, "This is no assembly.");

        AssertRefused(path, "text.dll");
    }

    private static void AssertRefused(string path, string text) =>
        Assert.Contains(text, Assert.Throws<ArgumentException>(() => ContentStorePluginLoader.Load(path)).Message, StringComparison.Ordinal);
}
