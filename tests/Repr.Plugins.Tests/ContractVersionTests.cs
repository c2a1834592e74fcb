using System.Buffers.Binary;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.Json;

namespace Repr.Plugins.Tests;

public sealed class ContractVersionTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-contract-").FullName;

    private static Version Host { get; } = typeof(PluginContext).Assembly.GetName().Version!;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_plugin_of_a_newer_major_version_is_refused_and_the_message_says_what_to_do()
    {
        string plugin = BuiltAgainst(new Version(Host.Major + 1, 0));

        string problem = Assert.Single(Load(plugin));

        Assert.Equal(
            $"Stores:0:Plugin: {plugin} was built against Repr.Core {Host.Major + 1}.0; this Repr has {Host.ToString(2)}: "
            + $"install a newer Repr, or build the plugin against {Host.ToString(2)}.",
            problem);
    }

    [Fact]
    public void A_plugin_of_a_newer_minor_version_is_refused() =>
        Assert.Contains("install a newer Repr", Assert.Single(Load(BuiltAgainst(new Version(Host.Major, Host.Minor + 1)))), StringComparison.Ordinal);

    [Fact]
    public void A_plugin_of_the_same_version_is_loaded() => Assert.Empty(Load(BuiltAgainst(Host)));

    [Theory]
    [InlineData("1.2", "1.2", true)]
    [InlineData("1.2", "1.3", true)]
    [InlineData("1.3", "1.2", false)]
    [InlineData("1.9", "2.0", false)]
    [InlineData("2.0", "1.9", false)]
    [InlineData("0.1", "0.1", true)]
    [InlineData("0.1", "0.2", false)]
    [InlineData("0.2", "0.1", false)]
    [InlineData("0.9", "1.0", false)]
    public void Versions_are_semantic(string built, string host, bool fits) =>
        Assert.Equal(fits, ContractVersion.WhyIncompatible(Version.Parse(built), Version.Parse(host)) is null);

    // The test plugin as another version of the contract would have made it: the version is in its table of references (ECMA-335, II.22.5).
    private string BuiltAgainst(Version version)
    {
        string source = Path.GetDirectoryName(PluginSettingsTests.PluginPath)!;
        foreach (string file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(_directory, Path.GetFileName(file)));
        }

        string plugin = Path.Combine(_directory, Path.GetFileName(PluginSettingsTests.PluginPath));
        byte[] image = File.ReadAllBytes(plugin);
        int row;
        using (PEReader reader = new(new MemoryStream(image)))
        {
            MetadataReader metadata = reader.GetMetadataReader();
            AssemblyReferenceHandle contract = metadata.AssemblyReferences.Single(
                handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name) == "Repr.Core");
            row = reader.PEHeaders.MetadataStartOffset + metadata.GetTableMetadataOffset(TableIndex.AssemblyRef)
                + ((MetadataTokens.GetRowNumber(contract) - 1) * metadata.GetTableRowSize(TableIndex.AssemblyRef));
        }

        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(row), (ushort)version.Major);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(row + 2), (ushort)version.Minor);
        File.WriteAllBytes(plugin, image);
        return plugin;
    }

    private IReadOnlyList<string> Load(string plugin)
    {
        string path = Path.Combine(_directory, "repr.json");
        File.WriteAllText(path, JsonSerializer.Serialize(new { Stores = new[] { new { Plugin = plugin, Options = new { Folder = _directory } } } }));
        PluginSettings settings = PluginSettings.Read(path, "REPR_TEST__");
        settings.Select<IContentStore>("Stores");
        return settings.Problems;
    }
}
