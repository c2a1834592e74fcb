using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Repr.Driver.Tests;
using Repr.Workspaces.Tests.Contract;

namespace Repr.Workspaces.Tests.ProjFs;

/// <summary>
/// The tests of the projected directory once more as a Windows program: these tests, published for win-x64 with their runtime, run in
/// Wine with the double as ProjectedFSLib.dll in its system directory, from where the product loads it.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed partial class WineTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-wine-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Prefix => Path.Combine(_directory, "prefix");

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        try
        {
            await WineSetUp.EndAsync(Prefix);
        }
        finally
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    [Fact]
    public async Task The_provider_keeps_its_rules_and_the_contract_as_a_Windows_program()
    {
        Assert.True(Repository.Has("wine") && Repository.Has("wineserver"), "Wine is not installed: run eng/setup.sh.");
        string program = Path.Combine(_directory, "tests");
        Task<Ended> publishing = RunAsync(
            "dotnet", "publish", Path.Combine(Repository.Root, "tests/Repr.Workspaces.Tests"), "-c", "Release", "-r", "win-x64",
            "--self-contained", "-o", program, "-v", "quiet", "-nologo", "-p:InvariantGlobalization=true", "-p:UseSharedCompilation=false", "-nodeReuse:false");
        await Task.WhenAll(WineSetUp.CreateAsync(Directory.CreateDirectory(Prefix).FullName), publishing);
        (await publishing).WithSuccess();
        File.Move(Path.Combine(program, "ProjectedFSLib.dll"), Path.Combine(Prefix, "drive_c/windows/system32/ProjectedFSLib.dll"));
        string results = Path.Combine(_directory, "results");
        await File.WriteAllTextAsync(results, "", Cancellation);

        Ended suite = await RunAsync(
            "wine", Path.Combine(program, "Repr.Workspaces.Tests.exe"), "-noColor", "-parallel", "none",
            "-class", typeof(ProjectedContractTests).FullName!, "-class", typeof(ProviderRuleTests).FullName!,
            "-class", typeof(WindowsNameTests).FullName!, "-class", typeof(PendingCommandsTests).FullName!);

        TestContext.Current.TestOutputHelper?.WriteLine(suite.Text);
        Match summary = Summary().Match(suite.WithSuccess().Text);
        Assert.True(summary.Success, suite.Text);
        Assert.Equal(("0", "0"), (summary.Groups["failed"].Value, summary.Groups["skipped"].Value));
        ContractTable.Take(results);
    }

    private Task<Ended> RunAsync(string program, params string[] arguments) => ExternalProgram.RunAsync(
        program,
        arguments,
        new Dictionary<string, string>
        {
            ["WINEPREFIX"] = Prefix,
            ["WINEDEBUG"] = "-all",
            ["DOTNET_EnableWriteXorExecute"] = "0", // Wine 8 and the runtime's own protection of code do not go together
            [ContractTable.FileVariable] = "Z:" + Path.Combine(_directory, "results").Replace('/', '\\'),
        });

    [GeneratedRegex(@"Total: \d+, Errors: 0, Failed: (?<failed>\d+), Skipped: (?<skipped>\d+)")]
    private static partial Regex Summary();
}
