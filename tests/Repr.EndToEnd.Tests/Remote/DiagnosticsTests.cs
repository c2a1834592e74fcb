using Repr.EndToEnd.Tests.Sdk;

namespace Repr.EndToEnd.Tests.Remote;

/// <summary>Errors and warnings of a remote compile are those of a local one: code, file, line, severity.</summary>
public sealed class DiagnosticsTests(PackedSdk sdk)
{
    [Fact]
    public async Task Errors_and_warnings_are_the_same_as_in_a_local_build()
    {
        SmallProject source = new(sdk, "Alpha");
        source.Write("Alpha/Bad.cs", """
            #warning Look here
            public class Bad { int unused; string Name() => 1; void Ünicode() { undefined(); } }
            """);
        RemoteProject project = await RemoteProject.CreateAsync(source.Directory, "Small.slnx");
        Assert.NotEqual(0, project.Local.ExitCode);
        await using WorkerProcess worker = await project.StartWorkerAsync();

        RemoteBuild build = await project.BuildRemotelyAsync(worker);

        Assert.Equal(project.Local.ExitCode, build.Run.ExitCode);
        Assert.Equal(project.Local.Diagnostics, build.Run.Diagnostics);
        Assert.Equal(1, build.Remote);
        Assert.Contains(build.Run.Diagnostics, line => line.Contains("error CS0029", StringComparison.Ordinal));
        Assert.Contains(build.Run.Diagnostics, line => line.Contains("warning CS1030", StringComparison.Ordinal));
    }
}
