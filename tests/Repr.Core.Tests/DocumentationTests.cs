using System.Text.RegularExpressions;

namespace Repr.Core.Tests;

/// <summary>Compares the documentation with the sources: what a user can set or meet is described, and nothing else is.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string[] ProductFolders = ["src", "sdk", "server"];

    [Fact]
    public void Every_message_code_is_in_troubleshooting() =>
        Assert.Empty(CodesInSources().Except(Matches(CodePattern(), Read("docs/troubleshooting.md"))));

    [Fact]
    public void Troubleshooting_has_no_code_that_no_source_knows() =>
        Assert.Empty(Matches(CodePattern(), Read("docs/troubleshooting.md")).Except(CodesInSources()));

    [Theory]
    [InlineData("docs/configuration.md")]
    [InlineData("sdk/Repr.Build.Sdk/README.md")]
    public void Every_property_of_the_sdk_is_documented(string document) =>
        Assert.Empty(PropertiesOfTheSdk().Except(Matches(PropertyPattern(), Read(document))));

    [Theory]
    [InlineData("docs/configuration.md")]
    [InlineData("sdk/Repr.Build.Sdk/README.md")]
    public void No_document_invents_a_property(string document) =>
        Assert.Empty(Matches(PropertyPattern(), Read(document)).Except(PropertiesOfTheSdk()));

    [Fact]
    public void Every_option_of_the_command_line_is_in_configuration() =>
        Assert.Empty(OptionsOfTheCommandLine().Except(Matches(OptionPattern(), Read("docs/configuration.md"))));

    [Fact]
    public void Configuration_has_no_option_that_the_command_line_lacks() =>
        Assert.Empty(Matches(OptionPattern(), Read("docs/configuration.md")).Except(OptionsOfTheCommandLine()));

    [Fact]
    public void Every_environment_variable_is_in_configuration() =>
        Assert.Empty(new[] { "*.cs", "*.c" }
            .SelectMany(Sources)
            .SelectMany(source => Matches(VariablePattern(), source))
            .Except(Matches(VariablePattern(), Read("docs/configuration.md"))));

    [Fact]
    public void Every_relative_link_leads_to_something()
    {
        foreach (string document in Documents())
        {
            string folder = Path.GetDirectoryName(document)!;
            Assert.All(Matches(LinkPattern(), File.ReadAllText(document)).Where(IsRelative), link =>
                Assert.True(Path.Exists(Path.Combine(folder, link.Split('#')[0])), $"{document} links to '{link}', which is not there."));
        }
    }

    [Fact]
    public void Every_decision_is_listed_in_the_order_of_its_number()
    {
        string list = Read("docs/adr/README.md");
        IEnumerable<string> decisions = Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs/adr"), "0*.md")
            .Select(file => Path.GetFileName(file))
            .Order(StringComparer.Ordinal);

        Assert.Equal(decisions, LinkPattern().Matches(list).Select(match => match.Groups[1].Value).Where(link => link.StartsWith('0')));
    }

    private static HashSet<string> CodesInSources() => new[] { "*.cs", "*.c", "*.props", "*.targets" }
        .SelectMany(Sources)
        .SelectMany(source => Matches(CodePattern(), source))
        .ToHashSet(StringComparer.Ordinal);

    // $(Name) and @(Name), as the SDK's files use them; names that begin with '_' are its own.
    private static HashSet<string> PropertiesOfTheSdk() => new[] { "Sdk.props", "Sdk.targets", "Repr.Cxx.props", "Repr.Cxx.targets" }
        .Select(file => Read("sdk/Repr.Build.Sdk/Sdk/" + file))
        .SelectMany(text => UsePattern().Matches(text).Select(match => match.Groups[1].Value))
        .ToHashSet(StringComparer.Ordinal);

    private static HashSet<string> OptionsOfTheCommandLine() => Directory
        .EnumerateFiles(Path.Combine(Repository.Root, "src/Repr.Cli"), "*.cs")
        .SelectMany(file => OptionInSourcePattern().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
        .Concat(Matches(OptionOfTheFrontPattern(), Read("src/Repr.Cli/Front/options.c")))
        .ToHashSet(StringComparer.Ordinal);

    private static IEnumerable<string> Sources(string pattern) => ProductFolders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), pattern, SearchOption.AllDirectories))
        .Where(IsOurs)
        .Select(File.ReadAllText);

    private static IEnumerable<string> Documents() =>
        Directory.EnumerateFiles(Repository.Root, "*.md", SearchOption.AllDirectories).Where(IsOurs);

    private static bool IsOurs(string file) => !Path.GetRelativePath(Repository.Root, file)
        .Split('/')
        .Any(folder => folder is "bin" or "obj" or "artifacts" or "TestResults");

    private static bool IsRelative(string link) => !link.StartsWith('#') && !link.Contains(':', StringComparison.Ordinal);

    private static string Read(string document) => File.ReadAllText(Path.Combine(Repository.Root, document));

    private static HashSet<string> Matches(Regex pattern, string text) =>
        pattern.Matches(text).Select(match => match.Groups[match.Groups.Count - 1].Value).ToHashSet(StringComparer.Ordinal);

    [GeneratedRegex(@"\bREPR[0-9]{4}\b")]
    private static partial Regex CodePattern();

    [GeneratedRegex(@"[$@]\((Repr\w+)\b")]
    private static partial Regex UsePattern();

    // A name in backticks at the start of a table's row.
    [GeneratedRegex(@"^\| `(Repr[A-Za-z]+)`", RegexOptions.Multiline)]
    private static partial Regex PropertyPattern();

    [GeneratedRegex(@"^\| `(--[a-z-]+)", RegexOptions.Multiline)]
    private static partial Regex OptionPattern();

    [GeneratedRegex(@"new\(""(--[a-z-]+)""\)")]
    private static partial Regex OptionInSourcePattern();

    // A line of the text that `repr exec --help` writes.
    [GeneratedRegex(@"^    ""  (--[a-z-]+) ", RegexOptions.Multiline)]
    private static partial Regex OptionOfTheFrontPattern();

    [GeneratedRegex(@"\bREPR_[A-Z_]+\b")]
    private static partial Regex VariablePattern();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex LinkPattern();
}
