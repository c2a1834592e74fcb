using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Repr.Driver.Tests;

/// <summary>Rules of the driver's sources, its INF and its WDK project.</summary>
public sealed partial class SourceTests
{
    private static readonly string[] s_sources =
    [
        .. Directory.EnumerateFiles(Repository.Driver, "*", SearchOption.AllDirectories)
            .Where(static file => Path.GetExtension(file) is ".c" or ".h")
            .Select(static file => Path.GetRelativePath(Repository.Driver, file)),
    ];

    [Fact]
    public void No_file_is_longer_than_400_lines() => Assert.All(s_sources, static file => Assert.True(Lines(file).Length <= 400, file));

    [Fact]
    public void The_core_and_the_protocol_include_nothing_of_a_system() => Assert.All(
        s_sources.Where(static file => file.StartsWith("core/", StringComparison.Ordinal) || file.StartsWith("include/", StringComparison.Ordinal)),
        static file => Assert.DoesNotContain(Lines(file), static line => line.StartsWith("#include <", StringComparison.Ordinal)));

    [Fact]
    public void The_core_knows_nothing_of_the_kernel_and_the_protocol() => Assert.All(
        s_sources.Where(static file => file.StartsWith("core/", StringComparison.Ordinal)),
        static file => Assert.DoesNotContain(Lines(file), static line => line.StartsWith("#include \"../", StringComparison.Ordinal)));

    [Fact]
    public void Only_one_file_touches_memory_of_users() => Assert.Equal(
        ["kernel/memory.c"],
        s_sources.Where(static file => file.StartsWith("kernel/", StringComparison.Ordinal) && !file.StartsWith("kernel/compat/", StringComparison.Ordinal))
            .Where(static file => Lines(file).Any(static line => line.Contains("ProbeFor", StringComparison.Ordinal) || line.Contains("__try", StringComparison.Ordinal))));

    [Fact]
    public void Every_function_of_the_product_says_what_it_promises()
    {
        string headers = string.Join('\n', s_sources.Where(static file => file.EndsWith(".h", StringComparison.Ordinal)).SelectMany(Lines));
        IEnumerable<string> silent =
            from file in s_sources.Where(IsProduct)
            from pair in Lines(file).Zip(Lines(file).Skip(1), static (before, line) => (Before: before, Line: line))
            let function = Definition().Match(pair.Line)
            where function.Success && !pair.Before.EndsWith("*/", StringComparison.Ordinal)
            where pair.Line.StartsWith("static", StringComparison.Ordinal) || !headers.Contains(function.Groups["name"].Value, StringComparison.Ordinal)
            select $"{file}: {pair.Line}";

        Assert.Empty(silent);
    }

    [Fact]
    public void The_WDK_project_compiles_the_same_files()
    {
        IEnumerable<string> listed = XDocument.Load(Path.Combine(Repository.Driver, "reprflt.vcxproj")).Descendants()
            .Where(static element => element.Name.LocalName == "ClCompile" && element.Attribute("Include") is not null)
            .Select(static element => element.Attribute("Include")!.Value.Replace('\\', '/'));

        Assert.Equal(
            s_sources.Where(IsProduct).Order(StringComparer.Ordinal),
            listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_INF_installs_this_driver_at_an_altitude_of_its_group()
    {
        string[] lines = [.. Lines("reprflt.inf").Select(static line => line.Split(';')[0].Trim()).Where(static line => line.Length > 0)];
        HashSet<string> sections = [.. lines.Where(static line => line.StartsWith('[')).Select(static line => line.Trim('[', ']'))];
        Dictionary<string, string> strings = lines.SkipWhile(static line => line != "[Strings]").Skip(1)
            .Select(static line => line.Split('=', 2)).ToDictionary(static pair => pair[0].Trim(), static pair => pair[1].Trim().Trim('"'));
        IEnumerable<string> used = lines.SelectMany(static line => Substitution().Matches(line)).Select(static match => match.Groups[1].Value).Where(static name => name != "13");

        Assert.Superset(new HashSet<string> { "Reprflt.Files", "Reprflt.Service", "Reprflt.Registry", "DefaultInstall.NTamd64", "DefaultInstall.NTamd64.Services", "Strings" }, sections);
        Assert.Empty(used.Except(strings.Keys));
        Assert.Contains(@"ServiceBinary  = %13%\reprflt.sys", lines);
        Assert.Contains("LoadOrderGroup = \"FSFilter Top\"", lines);
        Assert.InRange(double.Parse(strings["Altitude"], CultureInfo.InvariantCulture), 400000, 409999);
    }

    private static bool IsProduct(string file) => file.EndsWith(".c", StringComparison.Ordinal) && !file.StartsWith("tests/", StringComparison.Ordinal);

    private static string[] Lines(string file) => File.ReadAllLines(Path.Combine(Repository.Driver, file));

    // A definition begins in the first column and has no semicolon.
    [GeneratedRegex(@"^(?!typedef|struct \w+ \w+ = |#|C_ASSERT)[\w][\w\s\*]*?(?<name>\w+)\([^;]*$")]
    private static partial Regex Definition();

    [GeneratedRegex("%(\\w+)%")]
    private static partial Regex Substitution();
}
