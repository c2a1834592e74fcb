using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Repr.Testing;

// How tools start, end, and what they can reach.
public abstract partial class WorkspaceProviderContract
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    public async Task The_exit_code_is_the_tools(int code)
    {
        Outcome outcome = await RunAsync($"exit {code}");

        Assert.Equal(new ToolExit(ExitKind.Code, code), outcome.Run.Exit);
    }

    [Fact]
    public async Task An_end_by_signal_is_told_apart()
    {
        Outcome outcome = await RunAsync("kill -SEGV $$");

        Assert.Equal(new ToolExit(ExitKind.Signal, 11), outcome.Run.Exit);
    }

    [Fact]
    public async Task A_tool_that_takes_too_long_is_timed_out_and_its_text_kept()
    {
        Outcome outcome = await RunAsync(Shell("echo before; sleep 1000") with { Timeout = TimeSpan.FromSeconds(0.5) });

        Assert.Equal(new ToolExit(ExitKind.TimedOut, 0), outcome.Run.Exit);
        Assert.Equal("before\n", outcome.Text);
    }

    [Fact]
    public async Task Cancelling_kills_the_whole_tree()
    {
        using CancellationTokenSource cancelling = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        CollectedText text = new() { OnText = _ => cancelling.Cancel() };
        string mark = Random.Shared.Next(100_000, 999_999).ToString(CultureInfo.InvariantCulture);
        string staging = NewStaging();
        await using (IWorkspace workspace = await Provider.CreateAsync(
            staging, 0, Shell($"sleep {mark} & setsid sleep {mark} & echo running; sleep {mark}"), Files, Cancellation))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await workspace.RunAsync(text, input: null, cancelling.Token));
            Assert.Equal([], FindProcesses(mark));
        }

        Assert.False(Directory.Exists(staging));
    }

    [Fact]
    public async Task Disposing_kills_what_runs()
    {
        TaskCompletionSource running = new();
        CollectedText text = new() { OnText = _ => running.TrySetResult() };
        IWorkspace workspace = await Provider.CreateAsync(NewStaging(), 0, Shell("echo running; sleep 1000"), Files, Cancellation);
        Task<ToolRun> run = workspace.RunAsync(text, input: null, Cancellation).AsTask();
        await running.Task.WaitAsync(Cancellation);

        await workspace.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => run);
    }

    [Fact]
    public async Task Background_processes_end_with_the_tool()
    {
        string mark = Random.Shared.Next(100_000, 999_999).ToString(CultureInfo.InvariantCulture);

        Outcome outcome = await RunAsync($"sleep {mark} & setsid sleep {mark} & echo done");

        Assert.Equal("done\n", outcome.Text);
        Assert.Equal([], FindProcesses(mark));
    }

    [Fact]
    public async Task Text_arrives_whole_and_in_order()
    {
        Outcome outcome = await RunAsync("seq 1 200000; seq 1 1000 >&2");

        string numbers = string.Concat(Enumerable.Range(1, 200_000).Select(i => $"{i}\n"));
        string errors = string.Concat(Enumerable.Range(1, 1000).Select(i => $"{i}\n"));
        Assert.Equal(errors, outcome.Error);
        Assert.Equal(numbers.Length + errors.Length, outcome.Text.Length);
        Assert.StartsWith(numbers[..1000], outcome.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_processes_cannot_be_seen()
    {
        Outcome outcome = await RunAsync(
            "for p in /proc/[0-9]*; do echo ${p#/proc/}; done; kill -0 1 || echo no; ls /proc/1/fd || echo hidden");

        int[] ids = [.. outcome.Text.Split('\n').TakeWhile(line => int.TryParse(line, out _)).Select(int.Parse)];
        Assert.InRange(ids.Length, 1, 4);
        Assert.All(ids, id => Assert.InRange(id, 1, 20));
        Assert.Contains("hidden", outcome.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task There_is_no_network_but_the_loopback()
    {
        Outcome outcome = await RunAsync("while read line; do echo $line; done < /proc/net/dev; cat /proc/net/route /proc/net/tcp");

        string[] devices =
        [
            .. outcome.Text.Split('\n').Where(line => line.Contains(": ", StringComparison.Ordinal)
                && !line.Contains('|', StringComparison.Ordinal)
                && !line.Contains("00000000:", StringComparison.Ordinal)),
        ];
        Assert.Single(devices);
        Assert.StartsWith("lo:", devices[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_are_those_of_a_login()
    {
        Outcome outcome = await RunAsync(
            "ulimit -c; ulimit -n; tty; echo x > /dev/null && head -c 3 /dev/zero | wc -c; echo end | cat /dev/stdin");

        Assert.Equal("0\n1024\nnot a tty\n3\nend\n", outcome.Text);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_no_verdict()
    {
        ReprException exception = await Assert.ThrowsAsync<ReprException>(
            () => RunAsync(Shell("") with { Arguments = ["/usr/bin/absent"] }));

        Assert.Equal(ReprErrorCode.InvalidRequest, exception.Code);
        Assert.Equal("The program '/usr/bin/absent' was not found on the requester.", exception.Message);
    }

    [Fact]
    public async Task A_program_that_may_not_be_executed_is_no_verdict()
    {
        Files.AddFile("/src/data", "text");

        ReprException exception = await Assert.ThrowsAsync<ReprException>(() => RunAsync(Shell("") with { Arguments = ["/src/data"] }));

        Assert.Equal("The program '/src/data' cannot be started: Permission denied.", exception.Message);
    }

    [Fact]
    public async Task A_program_without_its_interpreter_is_no_verdict()
    {
        Files.AddFile("/src/script", "#!/absent/interpreter\n", 0x1ED);

        ReprException exception = await Assert.ThrowsAsync<ReprException>(() => RunAsync(Shell("") with { Arguments = ["/src/script"] }));

        Assert.Contains("interpreter or dynamic loader that '/src/script' needs", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_working_directory_that_is_not_there_is_no_verdict()
    {
        ReprException exception = await Assert.ThrowsAsync<ReprException>(
            () => RunAsync(Shell("true") with { WorkingDirectory = VirtualPath.Parse("/absent") }));

        Assert.Equal("The working directory '/absent' was not found on the requester.", exception.Message);
    }

    [Fact]
    public async Task Paths_of_this_machine_are_shown_read_only_where_the_command_says_so()
    {
        string directory = Directory.CreateTempSubdirectory("repr-system-").FullName;
        string apart = directory + "-apart";
        try
        {
            File.SetUnixFileMode(directory, (UnixFileMode)0x1ED); // 0o755, as system directories are
            await File.WriteAllTextAsync(directory + "/file", "of the machine\n", Cancellation);
            await File.WriteAllTextAsync(apart, "another\n", Cancellation);
            Files.AddDirectory(directory).AddFile(apart, "");
            Command command = Shell(
                $"cat {directory}/file {apart}; ls {directory}; for file in {directory}/file {directory}/new {apart}; do "
                + "(echo x > $file) 2>/dev/null || echo refused; done; rm {directory}/file 2>/dev/null || echo kept; ls /etc 2>/dev/null || echo no more");

            Outcome outcome = await RunAsync(command with
            {
                SystemPaths = [VirtualPath.Parse(directory), VirtualPath.Parse(apart)],
                CopyRoots = [.. command.CopyRoots, VirtualPath.Parse(directory), VirtualPath.Parse(apart)],
            });

            Assert.Equal("of the machine\nanother\nfile\nrefused\nrefused\nrefused\nkept\nno more\n", outcome.Text);
            Assert.Empty(outcome.Changes);
            Assert.Equal("of the machine\n", await File.ReadAllTextAsync(directory + "/file", Cancellation));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
            File.Delete(apart);
        }
    }

    [Fact]
    public async Task Names_longer_than_255_bytes_are_too_long()
    {
        string name = new('n', 300);

        Outcome outcome = await RunAsync($"cat {name}; echo x > {name}; echo x > {name[..255]}");

        Assert.Equal(2, outcome.Error.Split("File name too long", StringSplitOptions.None).Length - 1);
        Assert.Equal(["+ /src/" + name[..255] + " 644"], Describe(outcome.Changes));
    }

    [Fact]
    public async Task Many_actions_at_once_do_not_meet()
    {
        string[] texts = await Task.WhenAll(Enumerable.Range(0, 8).Select(async slot =>
            (await RunAsync(Shell($"echo {slot} > f; sleep 0.1; cat f"), slot: slot)).Text));

        Assert.Equal(Enumerable.Range(0, 8).Select(slot => $"{slot}\n"), texts);
    }

    [Fact(DisableParallelization = true)] // it counts what the process holds open
    public async Task Fifty_actions_leave_nothing_behind()
    {
        await RunAsync("true");
        int mounts = File.ReadAllLines("/proc/self/mounts").Length;
        int files = Directory.GetFiles("/proc/self/fd").Length;

        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(0, (await RunAsync("cat /src/* 2>/dev/null; echo x > /src/out")).Code);
        }

        Assert.Equal(mounts, File.ReadAllLines("/proc/self/mounts").Length);
        Assert.InRange(Directory.GetFiles("/proc/self/fd").Length, 0, files + 5);
        Assert.InRange(CountThreads("FUSE"), 0, 4); // those of the last action may be on their way out
    }

    private static int CountThreads(string name) => Directory.GetDirectories("/proc/self/task")
        .Count(task => File.ReadAllText(task + "/comm").Trim() == name);

    private static string[] FindProcesses(string mark) =>
    [
        .. Process.GetProcessesByName("sleep")
            .Select(process => CommandLine(process.Id))
            .Where(line => line.Contains(mark, StringComparison.Ordinal)),
    ];

    private static string CommandLine(int processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }
}
