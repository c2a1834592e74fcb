using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Repr.Core.Tests;

/// <summary>Reads project files and sources, and fails on a dependency that docs/architecture.md forbids.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Repr.Core"] = [],
        ["Repr.Farm"] = [],
        ["Repr.Protocol"] = ["Repr.Core"],
        ["Repr.Cas"] = ["Repr.Core"],
        ["Repr.Cas.Far"] = ["Repr.Core"],
        ["Repr.Plugins"] = ["Repr.Core"],
        ["Repr.Security"] = ["Repr.Core"],
        ["Repr.Telemetry"] = ["Repr.Core"],
        ["Repr.Workspaces"] = ["Repr.Core"],
        ["Repr.Requester"] = ["Repr.Core", "Repr.Protocol", "Repr.Plugins", "Repr.Security", "Repr.Telemetry"],
        ["Repr.Server"] = ["Repr.Core", "Repr.Protocol", "Repr.Farm", "Repr.Cas", "Repr.Plugins", "Repr.Security", "Repr.Telemetry", "Repr.Workspaces"],
        ["Repr.Server.Silo"] = ["Repr.Core", "Repr.Farm", "Repr.Server"],
        ["Repr.Cli"] = ["Repr.Core", "Repr.Protocol", "Repr.Cas", "Repr.Telemetry", "Repr.Workspaces", "Repr.Requester", "Repr.Server", "Repr.Server.Silo"], // the composition root of the tool
        ["Repr.Build.Tasks"] = [],
        ["Repr.Build.Cxx"] = ["Repr.Build.Tasks"],
        ["Repr.Build.Roslyn"] = ["Repr.Build.Tasks"],
        ["Repr.Build.Sdk"] = ["Repr.Build.Tasks", "Repr.Build.Cxx", "Repr.Build.Roslyn", "Repr.Cli"], // packs them; compiles nothing
        ["Repr.Plugins.Testing"] = ["Repr.Core"],
        ["Repr.Templates"] = [], // packs what dotnet new writes; compiles nothing
    };

    // What dotnet new writes: projects of others, built by an end-to-end test.
    private const string Templates = "sdk/Repr.Templates/content/";

    // plugins/Directory.Build.props gives them the contract.
    private static readonly HashSet<string> Plugins =
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "plugins"), "*.csproj", SearchOption.AllDirectories).Select(file => Path.GetFileNameWithoutExtension(file))];

    public static TheoryData<string> Projects => [.. Product().Select(file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_lies_below_it(string project)
    {
        Assert.True(
            Plugins.Contains(project) || Allowed.ContainsKey(project), $"{project} is new: add its row to the table of layers.");
        string[] allowed = Plugins.Contains(project) ? ["Repr.Core", "Repr.Protocol", "Repr.Cas.Far", "Repr.Security", "Repr.Telemetry"] : Allowed[project];
        IEnumerable<string> references = Elements(project, "ProjectReference")
            .Select(element => Path.GetFileNameWithoutExtension(element.Attribute("Include")!.Value))
            .Where(static reference => reference != "*"); // plugins are built with the tool, and loaded by it

        Assert.Empty(references.Except(allowed));
    }

    [Fact]
    public void The_core_has_no_package_but_what_only_its_own_build_needs() => Assert.All(
        Elements("Repr.Core", "PackageReference"), element => Assert.Equal("all", element.Attribute("PrivateAssets")?.Value));

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(Repository.Root, "Repr.Build.sln"));
        IEnumerable<string> missing = Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !file.StartsWith("tests/assets/", StringComparison.Ordinal) && !file.StartsWith(Templates, StringComparison.Ordinal))
            .Where(file => !file.StartsWith("artifacts/", StringComparison.Ordinal))
            .Where(file => !solution.Contains(file.Replace('/', '\\'), StringComparison.Ordinal));

        Assert.Empty(missing);
    }

    [Fact]
    public void Grpc_is_known_only_to_the_wire_and_its_two_ends() =>
        Assert.Empty(SourcesThatMention(GrpcUse(), "src/Repr.Protocol/", "src/Repr.Requester/", "server/Repr.Server/Services/", "server/Repr.Server/Worker.cs", "plugins/"));

    [Fact]
    public void MSBuild_is_known_only_to_the_sdk() => Assert.Empty(SourcesThatMention(MSBuildUse(), "sdk/"));

    [Fact]
    public void The_operating_system_is_called_only_from_native_files() => Assert.All(
        SourcesThatMention(NativeUse()), file => Assert.EndsWith("Native.cs", file, StringComparison.Ordinal));

    [Fact]
    public void No_source_file_is_longer_than_400_lines() => Assert.All(
        Sources(), file => Assert.True(File.ReadLines(Path.Combine(Repository.Root, file)).Count() <= 400, file));

    private static IEnumerable<XElement> Elements(string project, string name) =>
        XDocument.Load(Product().Single(file => Path.GetFileNameWithoutExtension(file) == project)).Descendants(name);

    private static IEnumerable<string> Product() => new[] { "src", "sdk", "server", "plugins" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.csproj", SearchOption.AllDirectories))
        .Where(file => !Path.GetRelativePath(Repository.Root, file).StartsWith(Templates, StringComparison.Ordinal));

    private static IEnumerable<string> Sources() => Product()
        .SelectMany(project => Directory.EnumerateFiles(Path.GetDirectoryName(project)!, "*.cs", SearchOption.AllDirectories))
        .Select(file => Path.GetRelativePath(Repository.Root, file))
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    private static IEnumerable<string> SourcesThatMention(Regex use, params string[] allowed) => Sources()
        .Where(file => !allowed.Any(prefix => file.StartsWith(prefix, StringComparison.Ordinal)))
        .Where(file => use.IsMatch(File.ReadAllText(Path.Combine(Repository.Root, file))));

    [GeneratedRegex(@"^using Grpc\.", RegexOptions.Multiline)]
    private static partial Regex GrpcUse();

    [GeneratedRegex(@"^using Microsoft\.Build\.", RegexOptions.Multiline)]
    private static partial Regex MSBuildUse();

    [GeneratedRegex(@"\[(LibraryImport|DllImport)\(")]
    private static partial Regex NativeUse();
}
