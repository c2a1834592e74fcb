using System.Diagnostics;
using System.Globalization;
using System.Text;
using Repr.EndToEnd.Tests.Remote;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>A worker for all tests of a class.</summary>
public sealed class ExecWorker : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-exec-worker-").FullName;
    private WorkerProcess? _worker;

    /// <summary>Where it listens.</summary>
    public string Address => _worker!.Address;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _worker = await WorkerProcess.StartAsync(_directory, "--slots", "4");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _worker!.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}

/// <summary><c>repr exec</c> through a requester process and a worker: as if the command ran here.</summary>
public sealed class ExecTests(ExecWorker worker) : IClassFixture<ExecWorker>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(255)]
    public async Task The_exit_code_is_the_commands(int code)
    {
        await using Front front = NewFront();

        FrontRun run = await front.ExecAsync("sh", "-c", $"exit {code}");

        Assert.Equal((code, "", ""), (run.ExitCode, run.Output, run.Error));
    }

    [Fact]
    public async Task It_runs_there_and_not_here()
    {
        await using Front front = NewFront();

        FrontRun run = await front.ExecAsync("readlink", "/proc/self/ns/pid");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.NotEqual(File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name, run.Output.Trim());
    }

    [Fact]
    public async Task A_signal_that_ends_the_command_ends_the_front()
    {
        await using Front front = NewFront();

        FrontRun run = await front.ScriptAsync("perl -e 'system(@ARGV); print $? & 127' $repr exec sh -c 'kill -SEGV $$'");

        Assert.Equal(("11", ""), (run.Output, run.Error));
    }

    [Fact]
    public async Task Piped_input_is_the_commands()
    {
        await using Front front = NewFront();

        FrontRun run = await front.ExecAsync("b\nc\na\n"u8.ToArray(), "--", "sort");

        Assert.Equal((0, "a\nb\nc\n", ""), (run.ExitCode, run.Output, run.Error));
    }

    [Fact]
    public async Task Megabytes_of_any_bytes_go_in_and_out()
    {
        await using Front front = NewFront();
        byte[] input = new byte[5_000_000];
        Random.Shared.NextBytes(input);

        FrontRun run = await front.ExecAsync(input, "cat");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.True(input.AsSpan().SequenceEqual(run.Bytes));
    }

    [Fact]
    public async Task A_command_that_does_not_read_its_input_ends_all_the_same()
    {
        await using Front front = NewFront();

        FrontRun run = await front.ExecAsync(new byte[5_000_000], "echo", "done");

        Assert.Equal((0, "done\n", ""), (run.ExitCode, run.Output, run.Error));
    }

    [Fact]
    public async Task Both_streams_are_kept_apart_and_come_as_they_are_written()
    {
        await using Front front = NewFront();
        using Process process = front.Start(front.Program, ["exec", "sh", "-c", "echo one; read line; echo two >&2; read line; echo three"]);

        Assert.Equal("one", await process.StandardOutput.ReadLineAsync(Cancellation));
        await process.StandardInput.WriteAsync("\n");
        await process.StandardInput.FlushAsync(Cancellation);
        Assert.Equal("two", await process.StandardError.ReadLineAsync(Cancellation));
        await process.StandardInput.WriteAsync("\n");
        await process.StandardInput.FlushAsync(Cancellation);
        Assert.Equal("three", await process.StandardOutput.ReadLineAsync(Cancellation));
        await process.WaitForExitAsync(Cancellation);

        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task Undeclared_files_that_it_writes_come_back()
    {
        await using Front front = NewFront();
        await File.WriteAllTextAsync(front.PathOf("old"), "old", Cancellation);
        await File.WriteAllTextAsync(front.PathOf("gone"), "", Cancellation);

        FrontRun run = await front.ExecAsync("sh", "-c", "umask 022; mkdir d; tr a-z A-Z <old >d/new; echo more >>old; ln -s d/new link; rm gone; chmod 755 d/new");

        Assert.Equal((0, "", ""), (run.ExitCode, run.Output, run.Error));
        Assert.Equal("OLD", await File.ReadAllTextAsync(front.PathOf("d/new"), Cancellation));
        Assert.Equal(Convert.ToInt32("755", 8), (int)File.GetUnixFileMode(front.PathOf("d/new")));
        Assert.Equal("oldmore\n", await File.ReadAllTextAsync(front.PathOf("old"), Cancellation));
        Assert.Equal("d/new", new FileInfo(front.PathOf("link")).LinkTarget);
        Assert.False(File.Exists(front.PathOf("gone")));
    }

    [Fact]
    public async Task A_file_written_where_a_worker_may_not_write_is_not_lost()
    {
        await using Front front = NewFront();
        front.Environment["HOME"] = front.Directory;

        FrontRun run = await front.ExecAsync("touch", "made");

        Assert.Equal(0, run.ExitCode);
        Assert.True(File.Exists(front.PathOf("made")), run.Error);
        Assert.StartsWith("repr: warning REPR2104: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compile_has_the_bytes_of_a_local_one_and_leaves_the_scripts_input_alone()
    {
        await using Front front = NewFront();
        await File.WriteAllTextAsync(front.PathOf("a.h"), "#define A 42\n", Cancellation);
        await File.WriteAllTextAsync(front.PathOf("a.c"), "#include \"a.h\"\n#include <stdio.h>\nint main(void) { return printf(\"%d\", A) < 0; }\n", Cancellation);

        FrontRun run = await front.ScriptAsync(
            "cc -g -c a.c -o a.o && mv a.o local.o && $repr exec cc -g -c a.c -o a.o && $repr exec cc a.o -o a && ./a && cat", " next"u8.ToArray());

        Assert.Equal((0, "42 next", ""), (run.ExitCode, run.Output, run.Error));
        Assert.Equal(await File.ReadAllBytesAsync(front.PathOf("local.o"), Cancellation), await File.ReadAllBytesAsync(front.PathOf("a.o"), Cancellation));
    }

    [Fact]
    public async Task Without_a_worker_it_runs_here_with_one_warning()
    {
        await using Front front = new("http://127.0.0.1:1");

        FrontRun run = await front.ScriptAsync("printf 'b\\na\\n' | $repr exec sort; $repr exec touch made", []);

        Assert.Equal((0, "a\nb\n"), (run.ExitCode, run.Output));
        Assert.True(File.Exists(front.PathOf("made")));
        Assert.StartsWith("repr: warning REPR1101: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(run.Error.Length - 1, run.Error.IndexOf('\n', StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_worker_and_with_fail_it_is_an_error()
    {
        await using Front front = new("http://127.0.0.1:1");

        FrontRun run = await front.ExecAsync("--fail", "touch", "made");

        Assert.Equal(125, run.ExitCode);
        Assert.StartsWith("repr: error REPR1101: ", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(front.PathOf("made")));
    }

    [Theory]
    [InlineData("INT", 2)]
    [InlineData("TERM", 15)]
    [InlineData("HUP", 1)]
    public async Task A_signal_reaches_the_command_and_all_its_processes_end(string name, int number)
    {
        await using Front front = NewFront();
        string seconds = string.Create(CultureInfo.InvariantCulture, $"31{Random.Shared.Next(1_000_000)}");
        using Process process = front.Start(front.Program, ["exec", "--no-stdin", "sh", "-c", $"echo started; sleep {seconds}; echo not reached"]);
        Assert.Equal("started", await process.StandardOutput.ReadLineAsync(Cancellation));
        while (ProcessTable.Find(seconds).Count < 2) // the front itself and the shell on the worker
        {
            await Task.Delay(10, Cancellation);
        }

        using Process kill = Process.Start("kill", ["-" + name, process.Id.ToString(CultureInfo.InvariantCulture)]);
        await process.WaitForExitAsync(Cancellation);

        Assert.Equal(128 + number, process.ExitCode);
        Assert.Equal("", await process.StandardOutput.ReadToEndAsync(Cancellation));
        while (ProcessTable.Find(seconds).Count > 0)
        {
            await Task.Delay(10, Cancellation);
        }
    }

    [Fact]
    public async Task A_command_may_handle_a_signal()
    {
        await using Front front = NewFront();
        using Process process = front.Start(
            front.Program, ["exec", "--no-stdin", "sh", "-c", "trap 'echo asked; exit 9' USR1; echo started; while :; do sleep 0.05; done"]);
        Assert.Equal("started", await process.StandardOutput.ReadLineAsync(Cancellation));

        using Process kill = Process.Start("kill", ["-USR1", process.Id.ToString(CultureInfo.InvariantCulture)]);

        Assert.Equal("asked", await process.StandardOutput.ReadLineAsync(Cancellation));
        await process.WaitForExitAsync(Cancellation);
        Assert.Equal(9, process.ExitCode);
    }

    [Fact]
    public async Task At_a_terminal_the_command_has_one_of_the_same_size()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) is not installed");
        await using Front front = NewFront();

        // Its input stays open: script(1) would make keys of an end.
        using Process process = front.Start(
            "script",
            ["-qec", $"stty rows 33 cols 77; '{front.Program}' exec sh -c 'test -t 0 && test -t 1 && test -t 2 && stty size'; echo =$?", "/dev/null"]);
        string output = await process.StandardOutput.ReadToEndAsync(Cancellation);

        Assert.Equal(["33 77", "=0"], output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Keys_at_a_terminal_are_the_commands_and_interrupt_it()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script(1) is not installed");
        await using Front front = NewFront();
        using Process process = front.Start(
            "script", ["-qec", $"'{front.Program}' exec sh -c 'echo started; read line; echo got $line; sleep 1000'; echo =$?", "/dev/null"]);
        async Task ExpectAsync(string text)
        {
            StringBuilder line = new();
            while (!line.ToString().Contains(text, StringComparison.Ordinal))
            {
                Assert.NotNull(await process.StandardOutput.ReadLineAsync(Cancellation) is { } more ? line.Append(more) : null);
            }
        }

        await ExpectAsync("started");
        await process.StandardInput.WriteAsync("typed\r");
        await process.StandardInput.FlushAsync(Cancellation);
        await ExpectAsync("got typed");
        await process.StandardInput.WriteAsync("\x03");
        await process.StandardInput.FlushAsync(Cancellation);
        await ExpectAsync("=130");
    }

    private Front NewFront() => new(worker.Address);
}
