using Repr.Driver.Tests;

namespace Repr.Windows.Tests;

/// <summary>
/// The requester as it is published for Windows, on a machine of its own: its suite, and <c>repr exec</c> with the worker on another one. The
/// requester process is started by it, is reached through its pipe, and writes the outputs.
/// </summary>
public sealed class RequesterTests(WindowsWorker worker) : IClassFixture<WindowsWorker>
{
    private const string Repr = @"C:\repr\repr.exe";

    [Fact]
    public async Task A_command_runs_on_the_worker_and_its_outputs_are_written_here()
    {
        await using WinePrefix here = await NewMachineAsync();

        Ended ended = await RunAsync(
            here,
            ["exec", "--endpoint", worker.Address, "--fail", "--", @"c:\TOOLS\task.exe", "compile", @"C:\src\main.c", @"C:\src\main.obj"],
            @"C:\src");
        Ended again = await RunAsync(
            here,
            ["exec", "--endpoint", worker.Address, "--fail", "--", @"C:\tools\task.exe", "compile", @"C:\src\main.c", @"C:\src\second.obj"],
            @"C:\src");
        Ended status = (await RunAsync(here, ["status"])).WithSuccess();
        (await RunAsync(here, ["shutdown"])).WithSuccess();

        Assert.True(ended.ExitCode == 0, ended.Text + worker.Log);
        Assert.True(again.ExitCode == 0, again.Text + worker.Log);
        Assert.Contains("child: 0", ended.Text, StringComparison.Ordinal);
        Assert.Equal("int b;\nint a;\nint main;\n", await File.ReadAllTextAsync(here.Local(@"C:\src\main.obj"), TestContext.Current.CancellationToken));
        Assert.Equal("first\nsecond\nsecond\n", await File.ReadAllTextAsync(here.Local(@"C:\src\log.txt"), TestContext.Current.CancellationToken));
        Assert.False(File.Exists(here.Local(@"C:\src\old.obj")));
        Assert.Contains("2 done", status.Text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(worker.Wine.Local(@"C:\src")));
    }

    [Fact]
    public async Task Without_a_worker_it_runs_here_with_one_warning()
    {
        await using WinePrefix here = await NewMachineAsync();
        string[] command = ["exec", "--endpoint", "http://127.0.0.1:9", "--", "cmd", "/c", "type main.c & exit 7"];

        Ended first = await RunAsync(here, command, @"C:\src");
        Ended second = await RunAsync(here, command, @"C:\src");
        Ended refused = await RunAsync(here, ["exec", "--fail", .. command[1..]], @"C:\src");
        (await RunAsync(here, ["shutdown"])).WithSuccess();

        Assert.Equal((7, 7, 125), (first.ExitCode, second.ExitCode, refused.ExitCode));
        Assert.Contains("warning REPR1101", first.Text, StringComparison.Ordinal);
        Assert.Contains("int main;", first.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("warning", second.Text, StringComparison.Ordinal);
        Assert.Contains("error REPR1101", refused.Text, StringComparison.Ordinal);
    }

    // Wine ends a program after some thousand exceptions in a row; the tables of paths run on Linux.
    [Theory]
    [InlineData("DiskTests")]
    [InlineData("DoorTests")]
    [InlineData("ActionTests")]
    public async Task Its_suite_passes(string tests)
    {
        string suite = Path.Combine(Repository.Root, "artifacts", "windows", "requester");
        (await ExternalProgram.RunAsync(
            "dotnet", ["publish", "tests/Repr.Requester.WindowsSuite", "-c", "Release", "-r", "win-x64", "--self-contained", "-v", "quiet", "-o", suite])).WithSuccess();
        await using WinePrefix here = await WinePrefix.CreateAsync(standIns: false);

        Ended ended = await here.RunAsync(
            Path.Combine(suite, "Repr.Requester.WindowsSuite.exe"), ["-noColor", "-parallel", "none", "-class", $"Repr.Requester.WindowsSuite.{tests}"]);

        TestContext.Current.TestOutputHelper?.WriteLine(ended.Text);
        Assert.Matches(@"Total: [1-9]\d*, Errors: 0, Failed: 0, Skipped: 0", ended.WithSuccess().Text);
    }

    private static Task<Ended> RunAsync(WinePrefix here, string[] arguments, string directory = @"C:\") =>
        here.RunAsync(Repr, arguments, here.Local(directory), ("REPR_RUNTIME_DIR", @"C:\run"), ("REPR_CACHE_DIR", @"C:\cache"));

    private static async Task<WinePrefix> NewMachineAsync()
    {
        WinePrefix here = await WinePrefix.CreateAsync(standIns: false);
        Directory.CreateDirectory(here.Local(@"C:\tools"));
        File.Copy(Path.Combine(WindowsBuild.StandIns, "task.exe"), here.Local(@"C:\tools\task.exe"));
        foreach ((string name, string content) in new[]
        {
            ("main.c", "#include \"inc\\a.h\"\nint main;\n"), ("inc/a.h", "#include \"b.h\"\nint a;\n"), ("inc/b.h", "int b;\n"),
            ("old.obj", "old"), ("log.txt", "first\n"),
        })
        {
            string path = Path.Combine(here.Local(@"C:\src"), name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, content, TestContext.Current.CancellationToken);
        }

        return here;
    }
}
