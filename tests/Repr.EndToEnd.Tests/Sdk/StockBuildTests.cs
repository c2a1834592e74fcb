namespace Repr.EndToEnd.Tests.Sdk;

/// <summary>The SDK switched off leaves the stock build as it is.</summary>
public sealed class StockBuildTests(PackedSdk sdk)
{
    [Theory]
    [InlineData("-p:Unrelated=1")]
    [InlineData("-p:ReprEndpoint=http://127.0.0.1:1 -p:ReprEnabled=false")]
    public async Task Switched_off_the_outputs_are_those_of_a_build_without_the_sdk(string arguments)
    {
        SmallProject project = new(sdk, "One");
        project.UseStock();
        Assert.Equal(0, (await project.BuildAsync()).ExitCode);
        Dictionary<string, byte[]> stock = project.Outputs();
        project.Clean();
        project.UseSdk();

        BuildRun run = await project.BuildAsync([.. arguments.Split(' '), "-v:detailed"]);

        Assert.Equal(0, run.ExitCode);
        SmallProject.AssertSame(stock, project.Outputs());
        Assert.DoesNotContain("Repr.Build.Tasks", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Repr.Build.Roslyn", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Task \"ReprPrepare\"", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("warning REPR", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_design_time_build_uses_no_door_and_still_gets_its_arguments()
    {
        SmallProject project = new(sdk, "One");
        await using TestDoor door = new(project.RuntimeDirectory, project.ToolPath);
        project.Write("Show.targets", """
            <Project>
              <Target Name="Show" DependsOnTargets="CoreCompile">
                <Message Importance="high" Text="ARGUMENTS @(CscCommandLineArgs->Count())" />
              </Target>
            </Project>
            """);

        BuildRun run = await project.BuildAsync(
            "One/One.csproj", "-t:Show", "-p:ReprEndpoint=http://127.0.0.1:1", "-p:DesignTimeBuild=true", "-p:SkipCompilerExecution=true",
            "-p:ProvideCommandLineArgs=true", $"-p:CustomAfterMicrosoftCommonTargets={project.Directory}/Show.targets");

        Assert.True(run.ExitCode == 0, run.Output);
        Assert.Contains("ARGUMENTS ", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("ARGUMENTS 0", run.Output, StringComparison.Ordinal);
        Assert.Empty(door.Runs);
    }
}
