using Repr.Protocol.V1;

namespace Repr.EndToEnd.Tests.Sdk;

/// <summary>What cannot run remotely runs locally with one warning, or is an error where that is wanted.</summary>
public sealed class FallbackTests(PackedSdk sdk)
{
    [Theory]
    [InlineData("not-an-endpoint")]
    [InlineData("ftp://worker:1")]
    [InlineData("worker:7443")]
    public async Task A_malformed_endpoint_compiles_locally_with_one_warning(string endpoint)
    {
        SmallProject project = new(sdk, "One", "Two");

        BuildRun run = await project.BuildAsync($"-p:ReprEndpoint={endpoint}");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(1, run.CountOf("warning REPR2001"));
        Assert.Equal(1, run.CountOf("REPR"));
        Assert.True(File.Exists(Path.Combine(project.Directory, "Two/bin/Debug/net10.0/Two.dll")));
    }

    [Fact]
    public async Task A_missing_requester_program_compiles_locally_with_one_warning()
    {
        SmallProject project = new(sdk, "One", "Two");

        BuildRun run = await project.BuildAsync("-p:ReprEndpoint=http://127.0.0.1:1");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(1, run.CountOf("warning REPR1301"));
        Assert.Equal(1, run.CountOf("REPR"));
    }

    [Fact]
    public async Task A_runtime_directory_that_others_can_enter_is_refused()
    {
        SmallProject project = new(sdk, "One");
        File.WriteAllText(project.ToolPath, "");
        Directory.CreateDirectory(project.RuntimeDirectory, (UnixFileMode)0b111_111_111);
        File.SetUnixFileMode(project.RuntimeDirectory, (UnixFileMode)0b111_111_111);

        BuildRun run = await project.BuildAsync("-p:ReprEndpoint=http://127.0.0.1:1");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(1, run.CountOf("chmod 700"));
    }

    [Fact]
    public async Task An_answer_without_verdict_compiles_locally_with_one_warning_for_each_code()
    {
        SmallProject project = new(sdk, "One", "Two", "Three");
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath, (run, _) => Task.FromResult<DoorReply[]>(
            [new DoorReply { NotRun = new NotRun { Code = run.Description.EndsWith("Three", StringComparison.Ordinal) ? "REPR1102" : "REPR1101", Message = "Nobody there." } }]));

        BuildRun run = await project.BuildAsync("-p:ReprEndpoint=http://127.0.0.1:1");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(3, door.Runs.Count);
        Assert.Equal(1, run.CountOf("warning REPR1101: Nobody there."));
        Assert.Equal(1, run.CountOf("warning REPR1102: Nobody there."));
        Assert.Equal(3, run.CountOf("CS0219"));
    }

    [Fact]
    public async Task A_door_that_closes_without_an_answer_compiles_locally()
    {
        SmallProject project = new(sdk, "One");
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath, (_, _) => Task.FromResult<DoorReply[]>([]));

        BuildRun run = await project.BuildAsync("-p:ReprEndpoint=http://127.0.0.1:1");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(1, run.CountOf("warning REPR1301"));
        Assert.Equal(2, door.Runs.Count);
    }

    [Fact]
    public async Task A_requester_process_that_dies_is_followed_by_another()
    {
        SmallProject project = new(sdk, "One");
        int asked = 0;
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath, (run, cancellation) =>
            Interlocked.Increment(ref asked) == 1 ? Task.FromResult<DoorReply[]>([]) : TestDoor.RunInPlaceAsync(run, cancellation));

        BuildRun run = await project.BuildAsync("-p:ReprEndpoint=http://127.0.0.1:1", "-p:ReprFallback=fail");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Equal(0, run.CountOf("REPR"));
        Assert.Equal(2, door.Runs.Count);
    }

    [Fact]
    public async Task A_fallback_is_no_failure_where_warnings_are_errors()
    {
        SmallProject project = new(sdk, "One");
        project.Write("One/One.cs", "/// <summary>A class.</summary>\npublic class One;\n");

        BuildRun run = await project.BuildAsync("-p:ReprEndpoint=http://127.0.0.1:1", "-p:TreatWarningsAsErrors=true");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Contains("REPR1301", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not-an-endpoint", "error REPR2001")]
    [InlineData("http://127.0.0.1:1", "error REPR1301")]
    public async Task Fallback_fail_makes_it_an_error_and_compiles_nothing(string endpoint, string expected)
    {
        SmallProject project = new(sdk, "One");

        BuildRun run = await project.BuildAsync($"-p:ReprEndpoint={endpoint}", "-p:ReprFallback=fail");

        Assert.Equal(1, run.ExitCode);
        Assert.Equal(1, run.CountOf(expected));
        Assert.Equal(1, run.CountOf("error "));
        Assert.False(File.Exists(Path.Combine(project.Directory, "One/obj/Debug/net10.0/One.dll")));
    }
}
