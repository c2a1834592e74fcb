using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;

namespace Repr.Workspaces.Tests.Copying;

[SupportedOSPlatform("linux")]
public sealed class CopyingWorkspaceProviderTests : WorkspaceProviderContract
{
    protected override ValueTask<IWorkspaceProvider> CreateProviderAsync(CancellationToken cancellationToken) =>
        WorkspaceProviders.CreateAsync(WorkspaceProviders.Copying, TimeProvider.System, NullLogger.Instance, cancellationToken);

    [Fact]
    public async Task What_lies_outside_the_copied_roots_is_absent()
    {
        Files.AddFile("/other/file", "x");

        Outcome outcome = await RunAsync("test -e /other || echo absent");

        Assert.Equal("absent\n", outcome.Text);
    }

    [Fact]
    public async Task An_action_that_names_nothing_to_copy_is_refused_and_leaves_nothing()
    {
        string staging = NewStaging();

        ReprException exception = await Assert.ThrowsAsync<ReprException>(
            async () => await Provider.CreateAsync(staging, 0, Shell("true") with { CopyRoots = [] }, Files, Cancellation));

        Assert.Equal(ReprErrorCode.InvalidRequest, exception.Code);
        Assert.False(Directory.Exists(staging));
    }

    [Fact]
    public async Task A_failure_of_the_source_is_no_verdict()
    {
        string staging = NewStaging();
        Files.AddFile("/src/file", "x");
        Files.BeforeAnswer = (path, _) => path.Name == "file"
            ? throw new ReprException(ReprErrorCode.Refused, "No.")
            : ValueTask.CompletedTask;

        ReprException exception = await Assert.ThrowsAsync<ReprException>(
            async () => await Provider.CreateAsync(staging, 0, Shell("true"), Files, Cancellation));

        Assert.Equal(ReprErrorCode.Refused, exception.Code);
        Assert.False(Directory.Exists(staging));
    }
}
