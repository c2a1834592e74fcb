using System.Diagnostics;
using Google.Protobuf;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Protocol.V1;
using WireTerminal = Repr.Protocol.V1.Terminal;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>The front by itself: options, what it says at the door, and what it does when nothing good comes back.</summary>
public sealed class FrontTests
{
    private static readonly DoorReply s_done = new() { Done = new Done { Code = 0 } };

    [Fact]
    public async Task Without_an_endpoint_the_command_runs_here_and_nothing_is_said()
    {
        await using Front front = new(endpoint: null);

        FrontRun run = await front.ExecAsync("input"u8.ToArray(), "--", "sh", "-c", "cat; echo error >&2; exit 7");

        Assert.Equal((7, "input", "error\n"), (run.ExitCode, run.Output, run.Error));
        Assert.False(Directory.Exists(front.RuntimeDirectory));
    }

    [Fact]
    public async Task Switched_off_it_does_not_look_for_the_worker()
    {
        await using Front front = new("http://127.0.0.1:1");
        front.Environment["REPR_ENABLED"] = "False";

        FrontRun run = await front.ExecAsync("echo", "here");

        Assert.Equal((0, "here\n", ""), (run.ExitCode, run.Output, run.Error));
    }

    [Theory]
    [InlineData("--nonsense", "true")]
    [InlineData("--endpoint")]
    [InlineData("--read-root=", "true")]
    [InlineData("--")]
    [InlineData]
    public async Task Malformed_options_are_one_line_and_exit_code_2(params string[] arguments)
    {
        await using Front front = new(endpoint: null);

        FrontRun run = await front.ExecAsync(arguments);

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.StartsWith("repr exec: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(run.Error.Length - 1, run.Error.IndexOf('\n', StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_command_that_is_not_there_ends_as_in_a_shell()
    {
        await using Front front = new(endpoint: null);

        Assert.Equal(127, (await front.ExecAsync("no-such-command")).ExitCode);
        Assert.Equal(126, (await front.ExecAsync(front.Directory)).ExitCode);
    }

    [Fact]
    public async Task Other_verbs_are_those_of_the_product()
    {
        await using Front front = new(endpoint: null);

        FrontRun run = await front.ScriptAsync("$repr status");

        Assert.Equal((0, "No requester process runs; a build starts it.\n"), (run.ExitCode, run.Output));
    }

    [Fact]
    public async Task Of_two_requester_processes_the_second_takes_nothing_from_the_first()
    {
        await using Front front = new(endpoint: null);

        FrontRun run = await front.ScriptAsync(
            "mkdir -m 700 \"$REPR_RUNTIME_DIR\"; flock \"$REPR_RUNTIME_DIR/d.lock\" $repr requester --door \"$REPR_RUNTIME_DIR/d\"; echo $?; ls \"$REPR_CACHE_DIR\"");

        Assert.Equal("0\n", run.Output);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(8, true)]
    public async Task A_requester_process_waits_a_moment_for_the_content_that_the_last_one_kept(int seconds, bool isGivenUp)
    {
        await using Front front = new(endpoint: null);

        FrontRun run = await front.ScriptAsync(
            "mkdir -m 700 \"$REPR_RUNTIME_DIR\" \"$REPR_CACHE_DIR\" \"$REPR_CACHE_DIR/content\"; "
            + $"flock \"$REPR_CACHE_DIR/content/lock\" sleep {seconds} >/dev/null 2>&1 & "
            + "sleep 0.1; $repr requester --door \"$REPR_RUNTIME_DIR/d\" --idle-seconds 1; cat \"$REPR_CACHE_DIR/requester.log\"");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(isGivenUp, run.Output.Contains("What is fetched from workers is not kept", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_request_is_the_command_as_it_stands()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        front.Environment["SOME_TEXT"] = "a=b ü";
        await using TestDoor door = Open(front, s_done);

        FrontRun run = await front.ScriptAsync(
            "mkdir d; touch d/old; umask 027; cd /; cd \"$OLDPWD\"; $repr exec --build-id=b1 --read-root /data/../schemas --write-root out/./x --input in --output new --output . --output d/old --no-stdin tool -o '' ü");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Run request = Assert.Single(door.Runs);
        Assert.Equal("http://worker:1", request.Endpoint);
        Assert.Equal(["tool", "-o", "", "ü"], request.Command.Arguments);
        Assert.Equal(front.Directory, request.Command.WorkingDirectory);
        Assert.Equal("a=b ü", request.Command.Environment["SOME_TEXT"]);
        Assert.Equal(Convert.ToUInt32("027", 8), request.Command.Umask);
        Assert.False(request.Command.TakesInput);
        Assert.Null(request.Command.Terminal);
        Assert.Equal(["/schemas"], request.ReadRoots);
        Assert.Equal([front.Directory, front.PathOf("d"), front.PathOf("out/x")], request.WriteRoots);
        Assert.Equal([front.PathOf("in")], request.Inputs);
        Assert.Equal([front.PathOf("new")], request.OutputFiles);
        Assert.Equal("b1", request.BuildId);
        Assert.True(request.LiveText && request.Derive);
    }

    [Theory]
    [InlineData("sort", true)]
    [InlineData("cc -c a.c", false)]
    [InlineData("/usr/bin/x86_64-linux-gnu-g++-12 -c a.c", false)]
    [InlineData("clang-cl /c a.c", false)]
    [InlineData("cc -x c -c -", true)]
    [InlineData("cc -x c -c /dev/stdin", true)]
    [InlineData("cc @with-dash.rsp", true)]
    [InlineData("cc @objects.rsp", false)]
    [InlineData("cc @missing.rsp", true)]
    [InlineData("cc -M a.c", false)]
    [InlineData("ar rcs a.a a.o", false)]
    [InlineData("ar -M", true)]
    [InlineData("as -o a.o", true)]
    [InlineData("as -o a.o a.s", false)]
    [InlineData("nice cc -c a.c", true)]
    [InlineData("accc", true)]
    public async Task A_compiler_gets_input_only_if_it_reads_it(string command, bool takesInput)
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, s_done);
        await File.WriteAllTextAsync(front.PathOf("with-dash.rsp"), "-x c\n\"-\"", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(front.PathOf("objects.rsp"), "a.o b-c.o", TestContext.Current.CancellationToken);

        FrontRun run = await front.ScriptAsync($"$repr exec {command}; cat", "for the next\n"u8.ToArray());

        Assert.Equal(takesInput, Assert.Single(door.Runs).Command.TakesInput);
        if (!takesInput)
        {
            Assert.Equal("for the next\n", run.Output);
        }
    }

    [Fact]
    public async Task A_closed_or_empty_input_is_not_forwarded_and_closed_streams_stay_closed()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, s_done);

        await front.ScriptAsync("$repr exec cat <&-; $repr exec cat </dev/null; $repr exec cat <&- >&-");

        Assert.Equal(3, door.Runs.Count);
        Assert.All(door.Runs, run => Assert.False(run.Command.TakesInput));
    }

    [Fact]
    public async Task Text_is_passed_on_and_a_long_one_too()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        byte[] text = new byte[3_000_000];
        Random.Shared.NextBytes(text);
        await using TestDoor door = Open(
            front,
            new DoorReply { Text = new DoorText { Data = ByteString.CopyFrom(text) } },
            new DoorReply { Text = new DoorText { IsStderr = true, Data = ByteString.CopyFromUtf8("said\n") } },
            new DoorReply { Done = new Done { Code = 42 } });

        FrontRun run = await front.ExecAsync("tool");

        Assert.Equal((42, "said\n"), (run.ExitCode, run.Error));
        Assert.True(text.AsSpan().SequenceEqual(run.Bytes));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(9)]
    [InlineData(15)]
    public async Task A_signal_that_ended_the_tool_ends_the_front(int number)
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, new DoorReply { Done = new Done { Signal = number } });

        FrontRun run = await front.ScriptAsync("perl -e 'system(@ARGV); printf \"%d %d %d\", $? & 127, $? & 128, $? >> 8' $repr exec tool");

        Assert.Equal($"{number} 0 0", run.Output);
    }

    [Fact]
    public async Task A_time_out_is_exit_code_124()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, new DoorReply { Done = new Done { TimedOut = true } });

        FrontRun run = await front.ExecAsync("tool");

        Assert.Equal(124, run.ExitCode);
        Assert.StartsWith("repr: error REPR2402: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_run_runs_here_with_one_warning_for_many()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, NotRun("REPR1101"));

        FrontRun run = await front.ScriptAsync("for i in 1 2 3; do $repr exec echo here; done");

        Assert.Equal((0, "here\nhere\nhere\n"), (run.ExitCode, run.Output));
        Assert.Equal(
            "repr: warning REPR1101: The worker is away; 'echo' runs here instead, and so does whatever else meets this.\n", run.Error);
    }

    [Fact]
    public async Task What_is_not_run_after_it_wrote_text_says_that_it_starts_again()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        DoorReply notRun = NotRun("REPR1201");
        notRun.NotRun.TextPassedOn = true;
        await using TestDoor door = Open(front, new DoorReply { Text = new DoorText { Data = ByteString.CopyFromUtf8("he") } }, notRun);

        FrontRun run = await front.ExecAsync("echo", "here");

        Assert.Equal("hehere\n", run.Output);
        Assert.Contains("starts again", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_fail_nothing_runs_here(bool byOption)
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, NotRun("REPR1101"));
        if (!byOption)
        {
            front.Environment["REPR_FALLBACK"] = "fail";
        }

        FrontRun run = await front.ExecAsync(byOption ? ["--fail", "touch", "ran"] : ["touch", "ran"]);

        Assert.Equal((125, "repr: error REPR1101: The worker is away.\n"), (run.ExitCode, run.Error));
        Assert.False(File.Exists(front.PathOf("ran")));
    }

    [Fact]
    public async Task Without_a_product_that_starts_it_runs_here_and_does_not_try_each_time()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await File.WriteAllTextAsync(front.ToolPath, "", TestContext.Current.CancellationToken);

        FrontRun first = await front.ExecAsync("echo", "here");
        long start = Stopwatch.GetTimestamp();
        FrontRun second = await front.ExecAsync("--build-id", "other", "echo", "here");

        Assert.Equal(("here\n", "here\n"), (first.Output, second.Output));
        Assert.Contains("REPR1301", first.Error, StringComparison.Ordinal);
        Assert.Contains("a moment ago", second.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(900_000)]
    public async Task Input_that_was_read_is_given_to_the_local_run(int length)
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = OpenAfterPause(front, NotRun("REPR1101"));
        byte[] input = new byte[length];
        Random.Shared.NextBytes(input);

        FrontRun run = await front.ExecAsync(input, "cat");

        Assert.True(input.AsSpan().SequenceEqual(run.Bytes), run.Error);
    }

    [Fact]
    public async Task Input_of_a_file_is_given_to_the_local_run_whatever_its_length()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = OpenAfterPause(front, NotRun("REPR1101"));
        byte[] input = new byte[5_000_000];
        Random.Shared.NextBytes(input);
        await File.WriteAllBytesAsync(front.PathOf("input"), input, TestContext.Current.CancellationToken);

        FrontRun run = await front.ScriptAsync("$repr exec cat <input");

        Assert.True(input.AsSpan().SequenceEqual(run.Bytes), run.Error);
    }

    [Fact]
    public async Task An_argument_that_can_not_be_sent_is_not_sent_as_something_else()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, s_done);

        FrontRun run = await front.ScriptAsync("$repr exec printf '\\377' | od -An -tx1; $repr exec printf $(printf 'a\\377b') | od -An -tx1");

        Assert.Contains(" 61 ff 62", run.Output, StringComparison.Ordinal);
        Assert.Contains("REPR2002", run.Error, StringComparison.Ordinal);
        Assert.Single(door.Runs);
    }

    [Fact]
    public async Task A_second_interrupt_ends_the_front_although_the_tool_does_not_listen()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = OpenWithoutEnd(front);
        using Process process = await StartAsync(front, door);

        await SignalAsync(process, "INT");
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.False(process.HasExited);
        await SignalAsync(process, "INT");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(128 + 2, process.ExitCode);
    }

    [Fact]
    public async Task SIGTERM_ends_the_front_in_the_end_and_the_action_with_it()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = OpenWithoutEnd(front);
        using Process process = await StartAsync(front, door);

        await SignalAsync(process, "TERM");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(128 + 15, process.ExitCode);
    }

    [Fact]
    public async Task A_reader_that_goes_away_ends_the_front_as_it_ends_a_tool()
    {
        await using Front front = new("http://worker:1", withoutProduct: true);
        DoorReply[] endless = [.. Enumerable.Repeat(new DoorReply { Text = new DoorText { Data = ByteString.CopyFromUtf8("y\n") } }, 200_000)];
        await using TestDoor door = Open(front, [.. endless, s_done]);

        FrontRun run = await front.ScriptAsync("(trap - PIPE; exec perl -e '$SIG{PIPE}=\"DEFAULT\"; system(@ARGV); print STDERR $? & 127' $repr exec yes) | head -n 1");

        Assert.Equal(("y\n", "13"), (run.Output, run.Error));
    }

    [Fact]
    public async Task A_terminal_is_described_with_its_size()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) is not installed");
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, s_done);

        await front.ScriptAsync($"script -qec \"stty rows 33 cols 77; $repr exec tool; $repr exec cc -c a.c 2>/dev/null\" /dev/null");

        WireTerminal[] terminals = [.. door.Runs.Select(run => run.Command.Terminal)];
        Assert.Equal(2, terminals.Length);
        Assert.Equal(new WireTerminal { Rows = 33, Columns = 77, StandardInput = true, StandardOutput = true, StandardError = true }, terminals[0]);
        Assert.Equal(new WireTerminal { Rows = 33, Columns = 77, StandardOutput = true }, terminals[1]);
    }

    [Fact]
    public async Task A_terminal_is_left_as_it_was_found()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) is not installed");
        await using Front front = new("http://worker:1", withoutProduct: true);
        await using TestDoor door = Open(front, new DoorReply { Done = new Done { Signal = 15 } });

        FrontRun run = await front.ScriptAsync("script -qec \"stty -g; $repr exec tool; stty -g\" /dev/null");

        string[] lines = [.. run.Output.Split('\n').Select(line => line.Trim()).Where(line => line.Contains(':', StringComparison.Ordinal))];
        Assert.Equal(lines[0], lines[^1]);
    }

    private static DoorReply NotRun(string code) => new() { NotRun = new NotRun { Code = code, Message = "The worker is away." } };

    private static TestDoor Open(Front front, params DoorReply[] replies) =>
        new(front.RuntimeDirectory, front.ToolPath, (_, _) => Task.FromResult(replies));

    // Time enough for the front to read its input.
    private static TestDoor OpenAfterPause(Front front, params DoorReply[] replies) =>
        new(front.RuntimeDirectory, front.ToolPath, async (_, cancellation) =>
        {
            await Task.Delay(500, cancellation);
            return replies;
        });

    // Its tool runs until it is cancelled.
    private static TestDoor OpenWithoutEnd(Front front) => new(front.RuntimeDirectory, front.ToolPath, async (_, cancellation) =>
    {
        await Task.Delay(Timeout.Infinite, cancellation);
        return [];
    });

    private static async Task<Process> StartAsync(Front front, TestDoor door)
    {
        // What the shell in the background of which these tests run ignores, the front would ignore, too.
        Process process = front.Start("perl", ["-e", "$SIG{INT}=$SIG{TERM}='DEFAULT'; exec @ARGV", front.Program, "exec", "--no-stdin", "tool"]);
        while (door.Runs.IsEmpty)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        return process;
    }

    private static async Task SignalAsync(Process process, string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }
}
