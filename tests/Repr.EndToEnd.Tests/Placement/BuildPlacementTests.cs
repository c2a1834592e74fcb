using System.Text.Json;
using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;
using Repr.Testing;

namespace Repr.EndToEnd.Tests.Placement;

/// <summary>Builds of MSBuild with <c>ReprPlacement</c>: the bytes are those of a local build wherever what ran.</summary>
public sealed class BuildPlacementTests(PackedSdk sdk) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-placement-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Compiles_stay_here_without_a_warning_when_the_worker_is_far_away_and_go_there_when_they_must()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha", "Beta");
        await using WorkerProcess worker = await project.StartWorkerAsync();
        await using DelayLine line = new(new Uri(worker.Address), TimeSpan.FromSeconds(1));
        string settings = Path.Combine(_directory, "settings.json");
        await File.WriteAllTextAsync(
            settings, JsonSerializer.Serialize(new { Placement = new { LocalSlots = 64 } }), TestContext.Current.CancellationToken);
        project.Environment["REPR_CONFIG"] = settings;

        // Near by: durations are learned, of which nothing is worth staying for.
        RemoteBuild near = await project.BuildRemotelyAsync(worker, "-p:ReprPlacement=auto", "-p:ReprCache=off");
        near.AssertIdentical();
        near.AssertAllRemote(2);

        // Far away: the first ones measure that, the next ones know it.
        SmallProject.CleanOutputs(project.Directory);
        RemoteBuild far = await project.BuildAtAsync(line.Endpoint, "-p:ReprPlacement=auto", "-p:ReprCache=off");
        far.AssertIdentical();
        SmallProject.CleanOutputs(project.Directory);
        RemoteBuild local = await project.BuildAtAsync(line.Endpoint, "-p:ReprPlacement=auto", "-p:ReprCache=off");
        local.AssertIdentical();
        Assert.Equal((0, 2), (local.Remote, local.NotRun));
        Assert.All(local.Records, record => Assert.Equal("REPR1110", record.GetProperty("code").GetString()));
        Assert.Equal(0, local.Run.CountOf("REPR")); // the compiler has a warning of its own

        // As it is without the property, and where a local run would be an error.
        SmallProject.CleanOutputs(project.Directory);
        RemoteBuild remote = await project.BuildAtAsync(line.Endpoint, "-p:ReprCache=off");
        remote.AssertIdentical();
        remote.AssertAllRemote(2);
        SmallProject.CleanOutputs(project.Directory);
        RemoteBuild must = await project.BuildAtAsync(line.Endpoint, "-p:ReprPlacement=auto", "-p:ReprFallback=fail", "-p:ReprCache=off");
        must.AssertIdentical();
        must.AssertAllRemote(2);
    }

    [Fact]
    public async Task A_word_that_means_nothing_is_told_and_counts_as_remote()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "Alpha");
        await using WorkerProcess worker = await project.StartWorkerAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-p:ReprPlacement=perhaps");

        build.AssertIdentical();
        build.AssertAllRemote(1);
        Assert.Contains("warning REPR2004: ReprPlacement is 'perhaps'", build.Run.Output, StringComparison.Ordinal);
    }
}
