using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Repr.Driver.Tests;

/// <summary>The driver's core, on this machine: with sanitizers, with coverage, and under a fuzzer.</summary>
public sealed partial class CoreTests(BuiltDriver driver)
{
    private const double LeastCoverage = 95;
    private const int FuzzRuns = 300_000;

    [Fact]
    public async Task It_passes_its_tests_under_the_sanitizers()
    {
        Ended ended = (await ExternalProgram.RunAsync(driver.Program("core_test"), [])).WithSuccess();

        Match counts = Counts().Match(ended.Text);
        Assert.True(counts.Success, ended.Text);
        Assert.Equal("0", counts.Groups[2].Value);
        Assert.True(int.Parse(counts.Groups[1].Value, CultureInfo.InvariantCulture) >= 100, ended.Text);
    }

    [Fact]
    public async Task Its_tests_reach_nearly_every_line()
    {
        string profile = driver.Program("core.profraw");
        string merged = driver.Program("core.profdata");
        (await ExternalProgram.RunAsync(driver.Program("core_coverage"), [], new Dictionary<string, string> { ["LLVM_PROFILE_FILE"] = profile })).WithSuccess();
        (await ExternalProgram.RunAsync("llvm-profdata", ["merge", "-sparse", profile, "-o", merged])).WithSuccess();
        Ended report = (await ExternalProgram.RunAsync(
            "llvm-cov", ["export", driver.Program("core_coverage"), "-instr-profile=" + merged, "-summary-only"])).WithSuccess();

        using JsonDocument json = JsonDocument.Parse(report.Text);
        JsonElement[] files =
        [
            .. json.RootElement.GetProperty("data")[0].GetProperty("files").EnumerateArray()
                .Where(static file => CoreFile().IsMatch(file.GetProperty("filename").GetString()!)),
        ];
        Assert.Equal(Directory.GetFiles(Path.Combine(Repository.Driver, "core"), "*.c").Length, files.Length); // so that the share is of the whole core
        double percent = 100 * Lines(files, "covered") / Lines(files, "count");
        TestContext.Current.TestOutputHelper?.WriteLine($"line coverage of the core: {percent:F2} %");
        Assert.True(percent >= LeastCoverage, $"{percent:F2} % of the core's lines are run by its tests; {LeastCoverage} % is the least.");
    }

    [Fact]
    public async Task Its_properties_hold_for_what_a_fuzzer_makes_up()
    {
        string corpus = Directory.CreateDirectory(driver.Program("corpus")).FullName;
        Ended ended = await ExternalProgram.RunAsync(
            driver.Program("core_fuzz"), ["-seed=1", $"-runs={FuzzRuns}", "-max_len=200", $"-artifact_prefix={driver.Output}/", corpus]);

        Assert.Contains($"Done {FuzzRuns} runs", ended.WithSuccess().Text, StringComparison.Ordinal);
    }

    private static double Lines(JsonElement[] files, string what) =>
        files.Sum(file => file.GetProperty("summary").GetProperty("lines").GetProperty(what).GetInt32());

    [GeneratedRegex(@"/core/\w+\.c$")]
    private static partial Regex CoreFile();

    [GeneratedRegex(@"^(\d+) passed, (\d+) failed$", RegexOptions.Multiline)]
    private static partial Regex Counts();
}
