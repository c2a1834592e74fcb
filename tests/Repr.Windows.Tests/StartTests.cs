using Repr.Driver.Tests;

namespace Repr.Windows.Tests;

/// <summary>What a worker on Windows says when something is missing: one line, what to do, and no worker that would fail later.</summary>
public sealed class StartTests
{
    private static readonly string[] s_serve = ["serve", "--listen", "http://127.0.0.1:0", "--data", @"C:\data"];

    [Fact]
    public async Task Without_driver_or_projected_file_system_it_says_what_to_install()
    {
        await using WinePrefix wine = await WinePrefix.CreateAsync(standIns: false);

        Ended nothing = await wine.RunAsync(@"C:\repr\repr.exe", s_serve);
        File.Copy(Path.Combine(WindowsBuild.StandIns, "ProjectedFSLib.dll"), Path.Combine(wine.DriveC, "windows", "system32", "ProjectedFSLib.dll"));
        Ended noDriver = await wine.RunAsync(@"C:\repr\repr.exe", s_serve);

        Assert.Equal(2, nothing.ExitCode);
        Assert.Contains(
            "repr serve: --workspace: 'projfs' cannot be used here. REPR3102: The Projected File System is not installed. "
            + "Run as administrator: Enable-WindowsOptionalFeature -Online -FeatureName Client-ProjFS",
            nothing.Text,
            StringComparison.Ordinal);
        Assert.Equal(2, noDriver.ExitCode);
        Assert.Contains("repr serve: --workspace: 'projfs' cannot be used here. REPR3101: ", noDriver.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_driver_of_another_version_is_refused()
    {
        await using WinePrefix wine = await WinePrefix.CreateAsync(standIns: true);

        Ended ended = await wine.RunAsync(@"C:\repr\repr.exe", s_serve, variables: ("REPRFLT_STANDIN_VERSION", "2"));

        Assert.Equal(2, ended.ExitCode);
        Assert.Contains(
            "REPR3101: The driver reprflt speaks version 2 of its protocol, this worker 1: install the driver that came with it.", ended.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_only_Linux_has_is_refused_by_its_name()
    {
        await using WinePrefix wine = await WinePrefix.CreateAsync(standIns: true);

        Ended fuse = await wine.RunAsync(@"C:\repr\repr.exe", [.. s_serve, "--workspace", "fuse"]);
        Ended reapi = await wine.RunAsync(@"C:\repr\repr.exe", [.. s_serve, "--reapi-execution"]);

        Assert.Contains("repr serve: Workspaces of the kind 'fuse' need Linux. Here there are: projfs.", fuse.Text, StringComparison.Ordinal);
        Assert.Contains("repr serve: --reapi-execution: actions of the Remote Execution API need a worker on Linux.", reapi.Text, StringComparison.Ordinal);
        Assert.Equal((2, 2), (fuse.ExitCode, reapi.ExitCode));
    }
}
