using System.Text.Json;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Discovery;

/// <summary>Builds of MSBuild on several workers, each a process with one slot: whatever happens to them, the bytes are those of a local build.</summary>
public sealed class FoundWorkersTests(PackedSdk sdk) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-found-").FullName;
    private readonly HeldTools _held = new();

    private string Farm => Path.Combine(_directory, "farm");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Both_workers_of_a_list_get_actions()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        RemoteProject project = await CreateAsync("static", new { Addresses = new[] { a.Address, b.Address } });

        Task<RemoteBuild> building = BuildAsync(project);
        await _held.WaitForAsync(2, building); // one slot each: it is on both
        await _held.ReleaseAsync(building);
        RemoteBuild build = await building;

        AssertAllRemote(build);
        Assert.Equal(2, WorkersOf(build).Distinct().Count());
    }

    [Fact]
    public async Task A_worker_that_is_added_while_the_build_runs_gets_actions()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        SetFarm(a);
        RemoteProject project = await CreateAsync("file", new { Path = Farm });

        Task<RemoteBuild> building = BuildAsync(project);
        await _held.WaitForAsync(1, building);
        SetFarm(a, b);
        await _held.WaitForAsync(2, building);
        await _held.ReleaseAsync(building);
        RemoteBuild build = await building;

        AssertAllRemote(build);
        Assert.Equal(2, WorkersOf(build).Distinct().Count());
    }

    [Fact]
    public async Task Actions_of_a_worker_that_is_killed_run_on_another()
    {
        await using WorkerProcess a = await StartAsync("a");
        await using WorkerProcess b = await StartAsync("b");
        RemoteProject project = await CreateAsync("static", new { Addresses = new[] { a.Address, b.Address } });

        Task<RemoteBuild> building = BuildAsync(project);
        await _held.WaitForAsync(2, building);
        await a.KillAsync();
        await _held.ReleaseAsync(building);
        RemoteBuild build = await building;

        AssertAllRemote(build);
        Assert.Single(WorkersOf(build).Distinct()); // in the end, all on the one that lives
        Assert.Contains(build.Records, record => record.GetProperty("attempts").GetInt32() == 2);
    }

    private static IEnumerable<string?> WorkersOf(RemoteBuild build) => build.Records.Select(record => record.GetProperty("worker").GetString());

    // Each project runs one command and one compile, and nobody is warned.
    private static void AssertAllRemote(RemoteBuild build)
    {
        build.AssertIdentical();
        Assert.Equal((6, 0), (build.Remote, build.NotRun));
        Assert.Equal(0, build.Run.CountOf("REPR1"));
    }

    private Task<WorkerProcess> StartAsync(string name) => WorkerProcess.StartAsync(Path.Combine(_directory, name), "--slots", "1");

    private Task<RemoteBuild> BuildAsync(RemoteProject project) => project.BuildOnFoundWorkersAsync("-m:3", $"-p:Hold={_held.Command}%3B");

    // In the local build nothing holds the command.
    private async Task<RemoteProject> CreateAsync(string plugin, object options)
    {
        SmallProject small = new(sdk, "Alpha", "Beta", "Gamma");
        small.Write("Directory.Build.targets", """
            <Project>
              <Target Name="MakeText" BeforeTargets="CoreCompile">
                <Exec Command="$(Hold) tr a-z A-Z &lt; $(MSBuildProjectName).cs &gt; $(IntermediateOutputPath)text.cs" WorkingDirectory="$(MSBuildProjectDirectory)" ReprRemote="true" />
              </Target>
            </Project>
            """);
        RemoteProject project = await RemoteProject.CreateAsync(small.Directory, "Small.slnx");
        Assert.True(project.Local.ExitCode == 0, project.Local.Output);
        string settings = Path.Combine(_directory, "settings.json");
        await File.WriteAllTextAsync(
            settings, JsonSerializer.Serialize(new { Discovery = new[] { new { Plugin = plugin, Options = options } } }), TestContext.Current.CancellationToken);
        project.Environment["REPR_CONFIG"] = settings;
        return project;
    }

    private void SetFarm(params WorkerProcess[] workers)
    {
        File.WriteAllLines(Farm + ".new", workers.Select(worker => worker.Address));
        File.Move(Farm + ".new", Farm, overwrite: true);
    }
}
