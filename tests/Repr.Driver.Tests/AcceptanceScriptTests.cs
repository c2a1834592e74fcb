using System.Reflection;

namespace Repr.Driver.Tests;

/// <summary>What of eng/windows-acceptance.ps1 needs no Windows: its own tests (Pester), with a kit that has the driver that was built here.</summary>
public sealed class AcceptanceScriptTests(BuiltDriver driver)
{
    private static readonly string s_pester = Path.Combine(
        typeof(AcceptanceScriptTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(static data => data.Key == "Pester").Value!, "tools", "Pester.psd1");

    [Fact]
    public async Task Planning_reporting_and_the_cases_without_windows_work()
    {
        string kit = Directory.CreateTempSubdirectory("repr-kit-").FullName;
        try
        {
            string place = Directory.CreateDirectory(Path.Combine(kit, "driver")).FullName;
            File.Copy(Path.Combine(driver.Output, "reprflt.sys"), Path.Combine(place, "reprflt.sys"));
            File.Copy(Path.Combine(Repository.Driver, "reprflt.inf"), Path.Combine(place, "reprflt.inf"));
            (await ExternalProgram.RunAsync(Path.Combine(Repository.Driver, "sign-test.sh"), [place])).WithSuccess();

            Ended ended = await ExternalProgram.RunAsync(
                "dotnet",
                ["pwsh", "-NoProfile", "-Command", $"Import-Module '{s_pester}'; $r = Invoke-Pester eng/acceptance -Output Detailed -PassThru; 'ran ' + $r.PassedCount; exit $r.FailedCount + $r.FailedContainersCount"],
                new Dictionary<string, string> { ["REPR_TEST_KIT"] = kit, ["NO_COLOR"] = "1" });

            TestContext.Current.TestOutputHelper?.WriteLine(ended.Text);
            Assert.Matches(@"(?m)^ran [1-9]\d", ended.WithSuccess().Text);
            Assert.Contains("Skipped: 0", ended.Text, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(kit, recursive: true);
        }
    }
}
