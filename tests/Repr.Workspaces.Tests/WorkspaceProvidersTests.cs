using System.Diagnostics;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;
using Repr.Workspaces.Copying;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Launcher;

namespace Repr.Workspaces.Tests;

[SupportedOSPlatform("linux")]
public sealed class WorkspaceProvidersTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_unknown_name_is_refused_with_the_known_ones()
    {
        ReprException exception = await Assert.ThrowsAsync<ReprException>(
            async () => await WorkspaceProviders.CreateAsync("nfs", TimeProvider.System, NullLogger.Instance, Cancellation));

        Assert.Equal("There is no kind of workspace 'nfs'. Known are: fuse, copying.", exception.Message);
    }

    [Theory]
    [InlineData(WorkspaceProviders.Fuse)]
    [InlineData(WorkspaceProviders.Copying)]
    public async Task A_missing_launcher_is_a_reason(string kind)
    {
        await using LauncherProcess launcher = new("/absent/repr-launch");
        SandboxServices services = new(launcher, TimeProvider.System, NullLogger.Instance);

        await using IWorkspaceProvider provider = kind == WorkspaceProviders.Fuse
            ? await FuseWorkspaceProvider.CreateAsync(services, Cancellation)
            : await CopyingWorkspaceProvider.CreateAsync(services, Cancellation);

        Assert.Equal("The launcher of sandboxes is missing: '/absent/repr-launch'. Install Repr again.", provider.WhyUnavailable);
    }

    [Fact]
    public async Task A_killed_launcher_is_no_verdict_and_the_next_action_has_a_new_one()
    {
        await using LauncherProcess launcher = new(LauncherProcess.DefaultPath);
        SandboxServices services = new(launcher, TimeProvider.System, NullLogger.Instance);
        await using FuseWorkspaceProvider provider = await FuseWorkspaceProvider.CreateAsync(services, Cancellation);
        Assert.SkipWhen(provider.WhyUnavailable is not null, provider.WhyUnavailable ?? "");
        CollectedText text = new() { OnText = _ => Process.GetProcessById(launcher.ProcessId!.Value).Kill() };

        ReprException exception = await Assert.ThrowsAsync<ReprException>(() => RunAsync(provider, "echo running; sleep 1000", text));
        ToolRun run = await RunAsync(provider, "exit 7", new CollectedText());

        Assert.Equal(ReprErrorCode.Unavailable, exception.Code);
        Assert.Equal(new ToolExit(ExitKind.Code, 7), run.Exit);
    }

    private static async Task<ToolRun> RunAsync(FuseWorkspaceProvider provider, string script, IToolText text)
    {
        Command command = new()
        {
            Arguments = ["/bin/sh", "-c", script],
            WorkingDirectory = VirtualPath.Root,
            Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin" },
            OutputRoots = [],
        };
        await using IWorkspace workspace = await provider.CreateAsync(
            Directory.CreateTempSubdirectory("repr-staging-").FullName,
            0,
            command,
            new PassThroughFileSource(SystemTools.Roots),
            Cancellation);
        return await workspace.RunAsync(text, input: null, Cancellation);
    }
}
