using System.Diagnostics;
using System.Globalization;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Exec;

/// <summary>What a remote command reads and writes without having said so, when its text arrives, and who chooses it.</summary>
public sealed class ExecFilesTests(PackedSdk sdk)
{
    [Fact]
    public async Task What_is_not_declared_is_asked_back_and_comes_back()
    {
        ExecProject project = new(sdk);
        project.Write("Some.slnx", "<Solution />");
        project.Write("shared/in.txt", "undeclared\n");
        project.Write("p/old.txt", "old\n");
        project.Write("p/appended.txt", "first\n");
        project.Write("p/t.proj", ExecProject.OneTarget("""
            <Exec ReprRemote="true" Command="mkdir -p out/deep; cat ../shared/in.txt &gt; out/deep/copy.txt; rm old.txt; echo second &gt;&gt; appended.txt; ln -s copy.txt out/deep/link; printf '#!/bin/sh\n' &gt; out/run.sh; chmod 755 out/run.sh; ls &gt; names.txt" />
            """));
        await using WorkerProcess worker = await project.StartWorkerAsync();

        BuildRun run = await project.BuildAsync("p/t.proj", worker, "-p:ReprFallback=fail");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal("undeclared\n", project.Read("p/out/deep/copy.txt"));
        Assert.False(project.Has("p/old.txt"));
        Assert.Equal("first\nsecond\n", project.Read("p/appended.txt"));
        Assert.Equal("copy.txt", new FileInfo(Path.Combine(project.Directory, "p/out/deep/link")).LinkTarget);
        Assert.True(File.GetUnixFileMode(Path.Combine(project.Directory, "p/out/run.sh")).HasFlag(UnixFileMode.UserExecute));
        Assert.Equal("appended.txt\nnames.txt\nout\nt.proj\n", project.Read("p/names.txt"));
        Assert.True(Assert.Single(project.Records()).GetProperty("asked_back").GetInt32() > 0);
    }

    [Fact]
    public async Task A_write_outside_the_roots_is_named_and_the_command_runs_here()
    {
        ExecProject project = new(sdk);
        string outside = $"/var/tmp/repr-test-{Guid.NewGuid():N}";
        project.Write("t.proj", ExecProject.OneTarget($"""<Exec ReprRemote="true" Command="echo x &gt; {outside}; echo in &gt;&gt; in.txt" />"""));
        await using WorkerProcess worker = await project.StartWorkerAsync();

        BuildRun refused = await project.BuildAsync("t.proj", worker, "-p:ReprFallback=fail");

        Assert.Equal(1, refused.CountOf("error REPR2104"));
        Assert.Equal(1, refused.CountOf(outside));
        Assert.False(project.Has("in.txt"));
        Assert.False(File.Exists(outside));

        BuildRun run = await project.BuildAsync("t.proj", worker);

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(1, run.CountOf("warning REPR2104"));
        Assert.Equal("in\n", project.Read("in.txt"));
        Assert.True(File.Exists(outside));
        File.Delete(outside);
    }

    [Fact]
    public async Task A_declared_output_may_be_anywhere()
    {
        ExecProject project = new(sdk);
        string elsewhere = Path.Combine(sdk.NewDirectory(), "new/out.txt");
        project.Write("t.proj", ExecProject.OneTarget($"""<Exec ReprRemote="true" ReprOutputs="{elsewhere}" Command="echo there &gt; {elsewhere}" />"""));
        await using WorkerProcess worker = await project.StartWorkerAsync();

        BuildRun run = await project.BuildAsync("t.proj", worker, "-p:ReprFallback=fail");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal("there\n", await File.ReadAllTextAsync(elsewhere, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Text_arrives_while_the_command_runs_and_stopping_the_build_ends_it()
    {
        ExecProject project = new(sdk);
        project.Write("t.proj", ExecProject.OneTarget("""<Exec ReprRemote="true" Command="echo first; sleep 600; echo second &gt; late.txt" />"""));
        await using WorkerProcess worker = await project.StartWorkerAsync();
        using Process build = PackedSdk.Start(project.Directory, ExecProject.Arguments("t.proj", worker), []);
        string? line;
        do
        {
            line = await build.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        }
        while (line is not null && line.Trim() != "first");

        Assert.NotNull(line);
        using (Process kill = Process.Start("kill", ["-INT", build.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        _ = await build.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await build.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, build.ExitCode);
        Assert.False(project.Has("late.txt"));
    }

    [Fact]
    public async Task Patterns_choose_commands_and_a_call_may_refuse()
    {
        ExecProject project = new(sdk);
        project.Write("t.proj", ExecProject.OneTarget(
            """
            <Exec Command="printf '%s' remote-by-name" />
            <Exec Command="echo remote-by-regex" />
            <Exec Command="echo refused-by-regex" ReprRemote="false" />
            <Exec Command="echo local" />
            """,
            """<ItemGroup><ReprExecPattern Include="printf" /><ReprExecPattern Include="x" Regex="by-reg.x" /><ReprExecPattern Include="bad" Regex="(" /></ItemGroup>"""));
        await using WorkerProcess worker = await project.StartWorkerAsync();

        BuildRun run = await project.BuildAsync("t.proj", worker, "-p:ReprFallback=fail");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(
            ["Exec echo remote-by-regex", "Exec printf '%s' remote-by-name"],
            project.Records().Select(record => record.GetProperty("description").GetString()).Order(StringComparer.Ordinal));
        Assert.Equal(1, run.CountOf("warning REPR2003"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-p:ReprEnabled=false -p:ReprEndpoint=http://127.0.0.1:1")]
    [InlineData("-p:DesignTimeBuild=true -p:ReprEndpoint=http://127.0.0.1:1")]
    public async Task Switched_off_a_call_with_the_parameters_is_the_stock_task(string arguments)
    {
        ExecProject project = new(sdk);
        project.Write("t.proj", ExecProject.OneTarget("""<Exec ReprRemote="true" ReprInputs="a" ReprOutputs="b" Command="echo said; exit 2" />"""));

        BuildRun run = await project.BuildAsync("t.proj", null, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Contains("said", run.Output, StringComparison.Ordinal);
        Assert.Equal(1, run.CountOf("error MSB3073"));
        Assert.Equal(0, run.CountOf("REPR"));
    }

    [Fact]
    public async Task Without_a_worker_it_runs_here_with_one_warning()
    {
        ExecProject project = new(sdk);
        project.Write("t.proj", ExecProject.OneTarget("""
            <Exec ReprRemote="true" Command="echo one" ConsoleToMSBuild="true"><Output TaskParameter="ConsoleOutput" ItemName="Lines" /></Exec>
            <Exec ReprRemote="true" Command="echo two" />
            <Message Importance="high" Text="lines '@(Lines)'" />
            """));

        BuildRun run = await project.BuildAsync("t.proj", null, "-p:ReprEndpoint=http://127.0.0.1:1");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Contains("lines 'one'", run.Output, StringComparison.Ordinal);
        Assert.Contains("two", run.Output, StringComparison.Ordinal);
        Assert.Equal(1, run.CountOf("warning REPR1101"));
    }

    [Fact]
    public async Task A_value_that_is_neither_true_nor_false_is_an_error()
    {
        ExecProject project = new(sdk);
        project.Write("t.proj", ExecProject.OneTarget("""<Exec ReprRemote="yes" Command="echo one" />"""));

        BuildRun run = await project.BuildAsync("t.proj", null);

        Assert.Equal(1, run.CountOf("error REPR2004"));
    }
}
