using System.Text;
using static Repr.Protocol.V1.FileQuestion.Types;
using Outcome = Repr.Windows.Tests.WindowsRequester.Outcome;

namespace Repr.Windows.Tests;

/// <summary>
/// The whole chain with the worker that is published for Windows: gRPC, session, workspace, driver's protocol, starter, job, projection. The
/// stand-ins take the places of reprflt.sys and of the Projected File System.
/// </summary>
public sealed class ChainTests(WindowsWorker worker) : IClassFixture<WindowsWorker>
{
    private const string Task = @"C:\tools\task.exe";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tool_sees_the_requesters_files_lazily_and_what_it_made_comes_back()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\main.c", "#include \"inc\\a.h\"\nint main;\n").Add(@"C:\src\inc\a.h", "#include \"b.h\"\nint a;\n")
            .Add(@"C:\src\inc\b.h", "int b;\n").Add(@"C:\src\inc\unused.h", new byte[1 << 20])
            .Add(@"C:\src\old.obj", "old").Add(@"C:\src\log.txt", "first\n").Add(@"C:\secret.txt", "the requester's");
        File.WriteAllText(worker.Wine.Local(@"C:\host.txt"), "the worker's");

        Outcome outcome = await requester.RunAsync(
            WindowsRequester.Command(Task, @"C:\src", ["compile", @"C:\src\main.c", @"C:\src\main.obj"], @"C:\src"),
            await requester.MapAsync(@"C:\src\main.c"), await requester.MapAsync(Task));

        Assert.Equal(0, outcome.Code);
        Assert.Equal(
            """
            I am C:\tools\task.exe in C:\src
            missing.h: absent
            A.H in other case: 22 bytes
            renamed: 1
            listed: a.h b.h unused.h
            deleted: 1
            Windows to be read: 1, to be written: 0
            child reads: #include "inc\a.h"
            child: 0

            """.ReplaceLineEndings("\n"),
            outcome.Text);
        Assert.Equal(
            ["- /C:/src/old.obj", "+ /C:/src/log.txt", "+ /C:/src/main.obj"],
            outcome.Completed.Outputs.Select(static output => (output.File is null ? "- " : "+ ") + output.Path).Order(StringComparer.Ordinal).OrderBy(static line => line[0] != '-'));
        Assert.Equal("int b;\nint a;\nint main;\n", Encoding.UTF8.GetString(outcome.Contents["/C:/src/main.obj"]));
        Assert.Equal("first\nsecond\n", Encoding.UTF8.GetString(outcome.Contents["/C:/src/log.txt"]));
        Assert.Empty(outcome.Completed.UndeclaredWrites);

        // Exactly what it opened was fetched, and of that what was not mapped was asked for.
        Assert.Equal(["/C:/src/inc/a.h", "/C:/src/inc/b.h", "/C:/src/log.txt"], outcome.Asked(Kind.Content));
        Assert.Equal(
            ["/C:/src/inc/a.h", "/C:/src/inc/b.h", "/C:/src/log.txt", "/C:/src/main.c", "/C:/tools/task.exe"],
            outcome.Completed.ObservedInputs.Where(static input => input.Kind == Protocol.V1.ObservedInput.Types.Kind.Read).Select(static input => input.Path).Order(StringComparer.Ordinal));

        // The worker's own disk has nothing of it.
        Assert.False(Directory.Exists(worker.Wine.Local(@"C:\src")));
        Assert.False(Directory.Exists(worker.Wine.Local(@"C:\tools")));
        Assert.Empty(worker.StagingDirectories());
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"mapped 2, asked back {outcome.Asked(Kind.Content).Length} contents in {outcome.Completed.Questions} questions; {Line("files hydrated")}");
    }

    [Fact]
    public async Task Of_the_requesters_temporary_files_a_tool_sees_those_that_are_mapped()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\x", "").Add(@"C:\Users\ana\Temp\csc.rsp", "/nologo\n").Add(@"C:\Users\ana\Temp\other.rsp", "not for it");

        Outcome mapped = await requester.RunAsync(
            WindowsRequester.Command(Task, @"C:\src", ["child", @"C:\Users\ana\Temp\csc.rsp"]), await requester.MapAsync(@"C:\Users\ana\Temp\csc.rsp"));
        Outcome other = await requester.RunAsync(WindowsRequester.Command(Task, @"C:\src", ["child", @"C:\Users\ana\Temp\other.rsp"]));

        Assert.Equal("child reads: /nologo\n", mapped.Text);
        Assert.Equal("child reads: nothing\n", other.Text);
        Assert.DoesNotContain(mapped.Asked(Kind.Entry).Concat(other.Asked(Kind.Entry)), static path => path.StartsWith("/C:/Users/ana/Temp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_on_the_workers_disk_is_not_there_for_a_tool_and_another_actions_staging_is_denied()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\mine.txt", "mine");
        File.WriteAllText(worker.Wine.Local(@"C:\host.txt"), "the worker's");
        Task<Outcome> other = requester.RunAsync(WindowsRequester.Command(Task, @"C:\src", ["wait", "parent"]));
        await requester.WaitForTextAsync("waits");
        string staging = Assert.Single(worker.StagingDirectories());

        Outcome host = await requester.RunAsync(WindowsRequester.Command(Task, @"C:\src", ["foreign", @"C:\host.txt"]));
        Outcome foreign = await requester.RunAsync(WindowsRequester.Command(Task, @"C:\src", ["foreign", staging + @"\C\src\mine.txt"]));

        Assert.Equal("foreign: 0, error 2\n", host.Text); // absent, as it is for the requester
        Assert.Equal("foreign: 0, error 5\n", foreign.Text);
        await requester.CancelAsync(1);
        await other;
    }

    [Fact]
    public async Task A_cancelled_action_leaves_no_process_and_no_directory()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\x", "");
        Task<Outcome> running = requester.RunAsync(WindowsRequester.Command(Task, @"C:\src", ["wait", "parent"]));
        await requester.WaitForTextAsync("waits");
        while (worker.Wine.ProcessesWith("wait child").Count == 0)
        {
            await System.Threading.Tasks.Task.Delay(50, Cancellation);
        }

        await requester.CancelAsync(1);
        Outcome outcome = await running;

        Assert.Equal(Protocol.V1.FailureCode.Cancelled, outcome.Completed.Failure?.Code);
        await worker.Wine.AssertGoneAsync("task.exe");
        await worker.Wine.AssertGoneAsync("repr-start");
        Assert.Empty(worker.StagingDirectories());
    }

    [Fact]
    public async Task A_tool_that_takes_too_long_is_killed_with_its_children()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\x", "");
        Protocol.V1.Command command = WindowsRequester.Command(Task, @"C:\src", ["wait", "parent"]);
        command.TimeoutMs = 4000;

        Outcome outcome = await requester.RunAsync(command);

        Assert.True(outcome.Completed.Exit?.TimedOut, outcome.Completed.ToString());
        await worker.Wine.AssertGoneAsync("task.exe");
    }

    [Fact]
    public async Task Exit_code_both_streams_and_input_are_the_tools()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\x", "");
        Protocol.V1.Command echo = WindowsRequester.Command(Task, @"C:\src", ["echo"]);
        echo.TakesInput = true;

        Outcome exits = await requester.RunAsync(WindowsRequester.Command(Task, @"C:\src", ["exit", "1234567"]));
        Task<Outcome> echoing = requester.RunAsync(echo);
        await requester.SendAsync(new() { ActionInput = new() { ActionId = requester.LastAction, Input = new() { Data = Google.Protobuf.ByteString.CopyFromUtf8("one\ntwo\n") } } });
        await requester.SendAsync(new() { ActionInput = new() { ActionId = requester.LastAction, Input = new() { End = true } } });
        Outcome echoed = await echoing;

        Assert.Equal(1234567, exits.Code);
        Assert.Equal("exits\n", exits.Text);
        Assert.Equal("got one\ngot two\nend\n", echoed.Text);
    }

    [Fact]
    public async Task Each_action_has_the_requesters_environment_and_a_server_of_PDBs_of_its_own()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\x", "");

        string[] endpoints =
        [
            (await EnvironmentAsync(requester, "_MSPDBSRV_ENDPOINT_")).Text,
            (await EnvironmentAsync(requester, "_MSPDBSRV_ENDPOINT_")).Text,
        ];

        Assert.All(endpoints, static endpoint => Assert.StartsWith("repr-", endpoint, StringComparison.Ordinal));
        Assert.NotEqual(endpoints[0], endpoints[1]);
        Assert.Equal("a b\n", (await EnvironmentAsync(requester, "GIVEN", ("GIVEN", "a b"))).Text);
        Assert.Equal("unset\n", (await EnvironmentAsync(requester, "USERNAME")).Text); // the worker's variables are not the tool's
        Assert.Equal("C:\\windows\n", (await EnvironmentAsync(requester, "SystemRoot")).Text);
    }

    [Fact]
    public async Task A_drive_that_the_worker_lacks_is_there_for_the_tool()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\x", "").Add(@"X:\far\main.c", "int far;\n").Add(@"X:\far\inc\a.h", "").Add(@"X:\far\log.txt", "");

        Outcome outcome = await requester.RunAsync(
            WindowsRequester.Command(Task, @"X:\far", ["compile", @"X:\far\main.c", @"X:\far\main.obj"], @"X:\far"));

        Assert.Equal(0, outcome.Code);
        Assert.StartsWith(@"I am C:\tools\task.exe in X:\far" + "\n", outcome.Text, StringComparison.Ordinal);
        Assert.Equal(["/X:/far/log.txt", "/X:/far/main.obj"], outcome.Contents.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("int far;\n", Encoding.UTF8.GetString(outcome.Contents["/X:/far/main.obj"]));
    }

    [Fact]
    public async Task What_cannot_be_started_is_said_and_is_no_verdict()
    {
        await using WindowsRequester requester = await ConnectAsync();
        requester.Add(@"C:\src\x", "").Add(@"C:\src\text.exe", "no program");

        async Task<string> FailureAsync(Protocol.V1.Command command) => (await requester.RunAsync(command)).Completed.Failure?.Message ?? "";

        Assert.Equal("The program '/C:/src/absent.exe' was not found on the requester.", await FailureAsync(WindowsRequester.Command(@"C:\src\absent.exe", @"C:\src", [])));
        Assert.Equal("The working directory '/C:/nowhere' was not found on the requester.", await FailureAsync(WindowsRequester.Command(Task, @"C:\nowhere", [])));
        Assert.Equal("'/C:/src/text.exe' is no program of Windows for this processor.", await FailureAsync(WindowsRequester.Command(@"C:\src\text.exe", @"C:\src", [])));
        Assert.Equal("The path '/usr/bin/gcc' does not start with a drive, as '/C:' does.", await FailureAsync(new() { Arguments = { "/usr/bin/gcc" }, WorkingDirectory = "/C:/src" }));
    }

    private static Task<Outcome> EnvironmentAsync(WindowsRequester requester, string variable, params (string Name, string Value)[] given)
    {
        Protocol.V1.Command command = WindowsRequester.Command(Task, @"C:\src", ["environment", variable]);
        foreach ((string name, string value) in given)
        {
            command.Environment[name] = value;
        }

        return requester.RunAsync(command);
    }

    private Task<WindowsRequester> ConnectAsync() => ConnectAsync(worker);

    internal static async Task<WindowsRequester> ConnectAsync(WindowsWorker worker)
    {
        WindowsRequester requester = await WindowsRequester.ConnectAsync(worker.Address);
        return requester.Add(Task, await File.ReadAllBytesAsync(Path.Combine(WindowsBuild.StandIns, "task.exe"), Cancellation));
    }

    private string Line(string text) => worker.Log.Split('\n').Last(line => line.Contains(text, StringComparison.Ordinal)).Trim();
}
