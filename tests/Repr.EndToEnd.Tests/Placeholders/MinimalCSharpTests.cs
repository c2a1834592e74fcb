using Repr.EndToEnd.Tests.Remote;
using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Placeholders;

/// <summary>C# with ReprDownload=minimal: the build itself reads all that a compiler leaves, so nothing stays.</summary>
public sealed class MinimalCSharpTests(PackedSdk sdk)
{
    [Fact]
    public async Task A_solution_is_the_same_and_has_no_links()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "One", "Two", "Three");
        await using WorkerProcess worker = await project.StartWorkerAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-p:ReprDownload=minimal", "-p:ReprFallback=fail");

        build.AssertIdentical();
        build.AssertAllRemote(3);
        Assert.DoesNotContain(
            Directory.EnumerateFiles(project.Directory, "*", SearchOption.AllDirectories), file => new FileInfo(file).LinkTarget is not null);
        RemoteBuild again = await project.BuildWithoutCleaningAsync(worker, "-p:ReprDownload=minimal", "-question");
        again.AssertIdentical();
        Assert.Empty(again.Records);
    }

    [Fact]
    public async Task A_mode_that_means_nothing_is_a_warning()
    {
        RemoteProject project = await RemoteProject.CreateAsync(sdk, "One");
        await using WorkerProcess worker = await project.StartWorkerAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker, "-p:ReprDownload=some");

        build.AssertIdentical();
        Assert.Equal(1, build.Run.CountOf("warning REPR2004"));
    }
}
