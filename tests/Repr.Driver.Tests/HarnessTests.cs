using System.Globalization;
using System.Text.RegularExpressions;

namespace Repr.Driver.Tests;

/// <summary>The driver's real image, executed in user mode under Wine between fakes of the filter manager and the kernel (driver/reprflt/tests/harness).</summary>
public sealed partial class HarnessTests(BuiltDriver driver)
{
    private const int LeastChecks = 100;

    [Fact]
    public Task The_driver_does_what_it_shall() => RunAsync(Path.Combine(driver.Output, "reprflt.sys"));

    [Fact]
    public Task The_driver_does_it_without_undefined_behaviour() => RunAsync(driver.Program("undefined/reprflt.sys"));

    private async Task RunAsync(string image)
    {
        Ended ended = (await driver.RunWindowsAsync(driver.Program("harness.exe"), ("REPRFLT_SYS", image))).WithSuccess();

        TestContext.Current.TestOutputHelper?.WriteLine(ended.Text);
        Match counts = Counts().Match(ended.Text.ReplaceLineEndings("\n"));
        Assert.True(counts.Success, ended.Text);
        Assert.True(int.Parse(counts.Groups["passed"].Value, CultureInfo.InvariantCulture) >= LeastChecks, ended.Text);
        Assert.Equal("0", counts.Groups["failed"].Value);
        Assert.Equal("0", counts.Groups["broken"].Value);
    }

    [GeneratedRegex(@"^invariants: \d+ held, (?<broken>\d+) broken\n(?<passed>\d+) passed, (?<failed>\d+) failed$", RegexOptions.Multiline)]
    private static partial Regex Counts();
}
