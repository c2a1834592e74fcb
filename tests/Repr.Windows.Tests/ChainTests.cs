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
            A.H in other case: 23 bytes
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

    private Task<WindowsRequester> ConnectAsync() => ConnectAsync(worker);

    internal static async Task<WindowsRequester> ConnectAsync(WindowsWorker worker)
    {
        WindowsRequester requester = await WindowsRequester.ConnectAsync(worker.Address);
        return requester.Add(Task, await File.ReadAllBytesAsync(Path.Combine(WindowsBuild.StandIns, "task.exe"), Cancellation));
    }

    private string Line(string text) => worker.Log.Split('\n').Last(line => line.Contains(text, StringComparison.Ordinal)).Trim();
}
