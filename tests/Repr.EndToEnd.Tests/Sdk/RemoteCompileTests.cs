using System.Diagnostics;
using Repr.Protocol.V1;

namespace Repr.EndToEnd.Tests.Sdk;

/// <summary>What the tasks ask for is all that a compiler needs, and its verdict is reported as the stock task reports it.</summary>
public sealed class RemoteCompileTests(PackedSdk sdk)
{
    private const string Endpoint = "-p:ReprEndpoint=http://127.0.0.1:1";

    [Fact]
    public async Task The_sample_solution_compiles_through_the_door_to_the_same_bytes()
    {
        string directory = sdk.NewDirectory();
        Copy(Path.Combine(Repository.Root, "tests/assets/SampleSolution"), directory);
        string toolPath = Path.Combine(directory, "repr.dll");
        string[] build = ["build", "-nologo", "-m:2", $"-p:ReprToolPath={toolPath}"];
        BuildRun local = await PackedSdk.RunAsync(directory, build, []);
        Assert.True(local.ExitCode == 0, local.Output);
        Dictionary<string, byte[]> expected = SmallProject.OutputsOf(directory);
        foreach (string left in Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) is "bin" or "obj").ToList())
        {
            Directory.Delete(left, recursive: true);
        }

        await using TestDoor door = new(Path.Combine(directory, "run"), toolPath);
        BuildRun remote = await PackedSdk.RunAsync(directory, [.. build, Endpoint, "-p:ReprFallback=fail"], []);

        Assert.True(remote.ExitCode == 0, remote.Output);
        Assert.Equal(local.Diagnostics, remote.Diagnostics);
        Assert.Equal(17, door.Runs.Count); // fifteen projects, one of them twice, and a satellite assembly
        Assert.Single(door.Runs, run => run.Description == "Vbc Depot.Legacy");
        SmallProject.AssertSame(expected, SmallProject.OutputsOf(directory));
        foreach (Run run in door.Runs)
        {
            Assert.All([.. run.Inputs, .. run.OutputFiles, .. run.OutputDirectories, .. run.ReadRoots], path => VirtualPath.Parse(path));
        }

        BuildRun question = await PackedSdk.RunAsync(directory, [.. build, Endpoint, "-question"], []);
        Assert.True(question.ExitCode == 0, question.Output);
        Assert.Equal(17, door.Runs.Count);
    }

    [Fact]
    public async Task Outputs_and_inputs_are_declared()
    {
        SmallProject project = new(sdk, "One");
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath);

        BuildRun run = await project.BuildAsync(Endpoint, "-p:EmitCompilerGeneratedFiles=true", "-p:ReprBuildId=build-7", "-p:ReprEmptyMapping=true");

        Assert.True(run.ExitCode == 0, run.Output);
        Run request = Assert.Single(door.Runs);
        string obj = Path.Combine(project.Directory, "One/obj/Debug/net10.0");
        Assert.Equal(
            [$"{obj}/One.dll", $"{obj}/One.pdb", $"{obj}/One.xml", $"{obj}/refint/One.dll", $"{project.Directory}/One/obj/log.sarif"],
            request.OutputFiles.Order(StringComparer.Ordinal));
        Assert.Equal([$"{obj}/generated"], request.OutputDirectories);
        Assert.Contains($"{project.Directory}/One/One.cs", request.Inputs);
        Assert.Contains(request.Inputs, path => path.EndsWith("/System.Runtime.dll", StringComparison.Ordinal));
        Assert.Contains(request.GuessedInputs, path => path.EndsWith("/libcoreclr.so", StringComparison.Ordinal));
        Assert.DoesNotContain(request.Inputs, request.GuessedInputs.Contains);
        Assert.Contains(request.Inputs, path => path.EndsWith("/Roslyn/bincore/csc.dll", StringComparison.Ordinal));
        Assert.Contains(project.Directory, request.ReadRoots);
        Assert.Equal("build-7", request.BuildId);
        Assert.True(request.EmptyMapping);
        Assert.Equal("Csc One", request.Description);
        Assert.Equal($"{project.Directory}/One", request.Command.WorkingDirectory);
    }

    [Fact]
    public async Task Secrets_of_the_environment_stay()
    {
        SmallProject project = new(sdk, "One");
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath);
        Dictionary<string, string> environment = new()
        {
            ["GITHUB_TOKEN"] = "s3cret",
            ["DOTNET_FEED_TOKEN"] = "s3cret",
            ["LC_API_KEY"] = "s3cret",
            ["SOMETHING_ELSE"] = "s3cret",
            ["LC_TIME"] = "C.UTF-8",
        };

        BuildRun run = await project.BuildAsync(environment, Endpoint);

        Assert.True(run.ExitCode == 0, run.Output);
        Run request = Assert.Single(door.Runs);
        Assert.DoesNotContain("s3cret", request.Command.Environment.Values);
        Assert.Equal("C.UTF-8", request.Command.Environment["LC_TIME"]);
        Assert.Equal("/tmp", request.Command.Environment["TMPDIR"]);
    }

    [Fact]
    public async Task Errors_and_warnings_are_those_of_a_local_build()
    {
        SmallProject project = new(sdk, "One");
        project.Write("One/One.cs", "class One\n{\n    void F() { int größe = 1; }\n    Missing G() => null;\n}\n");
        BuildRun local = await project.BuildAsync();
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath);

        BuildRun remote = await project.BuildAsync(Endpoint);

        Assert.Single(door.Runs);
        Assert.Equal(1, remote.ExitCode);
        Assert.Equal(1, remote.CountOf("error CS0246"));
        Assert.Equal(local.Diagnostics, remote.Diagnostics);
    }

    [Fact]
    public async Task Signal_time_out_and_exit_code_are_told_apart()
    {
        SmallProject project = new(sdk, "Killed", "Slow", "Broken");
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath, (run, _) =>
        {
            Done done = new() { Worker = "w1" };
            switch (run.Description)
            {
                case "Csc Killed":
                    done.Signal = 11;
                    break;
                case "Csc Slow":
                    done.TimedOut = true;
                    break;
                default:
                    done.Code = 42;
                    break;
            }

            return Task.FromResult<DoorReply[]>([new DoorReply { Done = done }]);
        });

        BuildRun run = await project.BuildAsync(Endpoint);

        Assert.Equal(1, run.ExitCode);
        Assert.Equal(1, run.CountOf("error REPR2401: Csc Killed: the tool was ended by signal 11 on worker 'w1'"));
        Assert.Equal(1, run.CountOf("error REPR2402: Csc Slow"));
        Assert.Equal(1, run.CountOf("exited with code 42"));
        Assert.Equal(3, run.CountOf("error "));
    }

    [Fact]
    public async Task Stopping_the_build_closes_the_door()
    {
        SmallProject project = new(sdk, "One");
        Assert.Equal(0, (await PackedSdk.RunAsync(project.Directory, ["restore"], [])).ExitCode);
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath, async (_, gone) =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, gone);
            return [];
        });
        using Process build = PackedSdk.Start(project.Directory, project.BuildArguments(Endpoint, "--no-restore"), []);
        await asked.Task.WaitAsync(TestContext.Current.CancellationToken);

        using (Process kill = Process.Start("kill", ["-INT", build.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await door.Abandoned.Task.WaitAsync(TestContext.Current.CancellationToken);
        await build.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, build.ExitCode);
        Assert.False(File.Exists(Path.Combine(project.Directory, "One/obj/Debug/net10.0/One.dll")));
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/bin/", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal)))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
