using Grpc.Core;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Services;
using Repr.Server.Tests.Sessions;
using Stage = Repr.Protocol.Reapi.ExecutionStage.Types.Value;

namespace Repr.Server.Tests.Reapi;

/// <summary>Workers of other kinds, and their options.</summary>
public sealed class ReapiWorkerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_worker_that_was_not_told_to_runs_no_such_actions_and_says_so()
    {
        await using Started started = await Started.CreateAsync(options => options);
        TestAction action = TestAction.Shell("true");

        RpcException refused = await ReapiClient.AssertFailsAsync(
            StatusCode.Unimplemented, () => TestExecution.RunAsync(started.Client, action));

        Assert.Contains("--reapi-execution", refused.Status.Detail, StringComparison.Ordinal);
        await ReapiClient.AssertFailsAsync(StatusCode.Unimplemented, async () => await started.Client.Operations.CancelOperationAsync(
            new CancelOperationRequest { Name = "operations/1" }, cancellationToken: Cancellation));
        Assert.False((await started.Client.Capabilities.GetCapabilitiesAsync(new(), cancellationToken: Cancellation)).ExecutionCapabilities.ExecEnabled);
    }

    [Fact]
    public async Task Copying_workspaces_do_as_well()
    {
        await using Started started = await Started.CreateAsync(options => options with { ReapiExecution = true, Workspace = "copying" });

        Protocol.Reapi.ActionResult result = await TestExecution.ResultAsync(
            started.Client, TestAction.Shell("cat a/in > out; id -un >> out; ls / | grep build >> out").File("a/in", "content\n").Outputs("out"));

        Assert.Equal("content\nbuild\nbuild\n", await TestExecution.TextAsync(started.Client, Assert.Single(result.OutputFiles).Digest));
    }

    [Fact]
    public async Task Only_the_system_paths_of_the_options_are_seen()
    {
        string[] paths = [.. new[] { "/usr", "/bin", "/lib", "/lib64", "/etc/hostname" }.Where(Path.Exists)];
        await using Started started = await Started.CreateAsync(options => options with { ReapiExecution = true, ReapiSystemPaths = paths });

        Protocol.Reapi.ActionResult result = await TestExecution.ResultAsync(started.Client, TestAction.Shell("cat /etc/hostname; ls /etc"));

        Assert.Equal(
            await File.ReadAllTextAsync("/etc/hostname", Cancellation) + "group\nhostname\npasswd\n",
            await TestExecution.TextAsync(started.Client, result.StdoutDigest));
    }

    [Fact]
    public async Task A_worker_with_a_running_action_stops_in_order()
    {
        await using Started started = await Started.CreateAsync(options => options with { ReapiExecution = true });
        TestExecution execution = await TestExecution.StartAsync(started.Client, TestAction.Endless());
        await execution.UntilAsync(Stage.Executing);

        Task stopping = started.Fixture.StopAsync();

        RpcException told = await ReapiClient.AssertFailsAsync(StatusCode.Unavailable, async () => await execution.EndAsync());
        Assert.Contains("stopping", told.Status.Detail, StringComparison.Ordinal);
        await stopping.WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
    }

    [Theory]
    [InlineData(false, "/usr", null, "--reapi-execution")]
    [InlineData(true, "/absent-directory", null, "--reapi-system-path: '/absent-directory' does not exist")]
    [InlineData(true, null, "no value", "--reapi-platform: 'no value' is not NAME=VALUE.")]
    public async Task Options_that_make_no_sense_end_the_worker_with_a_line(bool executes, string? systemPath, string? property, string said)
    {
        string data = System.IO.Directory.CreateTempSubdirectory("repr-worker-").FullName;
        using StringWriter error = new();
        int code = await Worker.RunAsync(
            new WorkerOptions
            {
                Listen = "http://127.0.0.1:0",
                Data = data,
                ReapiExecution = executes,
                ReapiSystemPaths = systemPath is null ? [] : [systemPath],
                ReapiPlatform = property is null ? [] : [property],
            },
            TextWriter.Null,
            error,
            Cancellation);
        System.IO.Directory.Delete(data, recursive: true);

        Assert.Equal(2, code);
        Assert.Contains(said, error.ToString(), StringComparison.Ordinal);
    }

    private sealed class Started : IAsyncDisposable
    {
        private Started(WorkerFixture fixture) => (Fixture, Client) = (fixture, new ReapiClient(fixture));

        public WorkerFixture Fixture { get; }

        public ReapiClient Client { get; }

        public static async Task<Started> CreateAsync(Func<WorkerOptions, WorkerOptions> configure)
        {
            Configured fixture = new(configure);
            await fixture.InitializeAsync();
            return new Started(fixture);
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Fixture.DisposeAsync();
        }
    }

    private sealed class Configured(Func<WorkerOptions, WorkerOptions> configure) : WorkerFixture
    {
        protected override WorkerOptions Configure(WorkerOptions options) => configure(options);
    }
}
