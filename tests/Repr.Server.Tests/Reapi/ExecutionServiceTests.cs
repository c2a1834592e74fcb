using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Services;
using CoreDigest = Repr.Digest;
using ReapiActionResult = Repr.Protocol.Reapi.ActionResult;

namespace Repr.Server.Tests.Reapi;

/// <summary>What an action sees, and what is told of it.</summary>
public sealed class ExecutionServiceTests(ReapiWorkerFixture worker) : IClassFixture<ReapiWorkerFixture>, IDisposable
{
    private readonly ReapiClient _client = new(worker);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task A_command_runs_with_its_arguments_environment_and_files()
    {
        TestAction action = TestAction.Shell("echo \"$0 $1\" $NAME; cat data/in.txt link; pwd; ls -F; ./tool; ls /build/other; umask; id -un; id -u; echo err >&2; exit 3")
            .File("sub/data/in.txt", "content\n")
            .File("sub/tool", "#!/bin/sh\necho tool ran\n", isExecutable: true)
            .Link("sub/link", "data/in.txt")
            .Directory("other")
            .Variable("NAME", "value")
            .Variable("PATH", "/bin:/usr/bin");
        action.Command.WorkingDirectory = "sub";
        action.Command.Arguments.Add(["zero", "one two"]);

        ReapiActionResult result = await TestExecution.ResultAsync(_client, action);

        Assert.Equal(
            "zero one two value\ncontent\ncontent\n/build/sub\ndata/\nlink@\ntool*\ntool ran\n0022\nbuild\n1000\n",
            await TestExecution.TextAsync(_client, result.StdoutDigest));
        Assert.Equal("err\n", await TestExecution.TextAsync(_client, result.StderrDigest));
        Assert.Equal(3, result.ExitCode);
    }

    [Fact]
    public async Task The_environment_is_the_commands_alone()
    {
        ReapiActionResult result = await TestExecution.ResultAsync(_client, new TestAction("/usr/bin/env").Variable("B", "2").Variable("A", "1"));

        Assert.Equal(["A=1", "B=2"], (await TestExecution.TextAsync(_client, result.StdoutDigest)).TrimEnd().Split('\n').Order());
        Assert.Null(result.StderrDigest);
    }

    [Fact]
    public async Task Of_the_worker_only_programs_and_libraries_are_seen_and_not_changed()
    {
        string home = AppContext.BaseDirectory;
        TestAction action = TestAction.Shell(
            $"ls /; ls -d {home} {worker.Data} /home /root /var /etc/hostname 2>/dev/null; ls /etc/shadow 2>/dev/null;"
            + "(echo x > /usr/x) 2>/dev/null || echo read-only; cat /etc/passwd | wc -l; test -e /usr/bin/env && echo env");

        string[] lines = (await TestExecution.TextAsync(
            _client, (await TestExecution.ResultAsync(_client, action)).StdoutDigest)).TrimEnd().Split('\n');

        string[] allowed = ["bin", "build", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "tmp", "usr"];
        Assert.Empty(lines[..^3].Except(allowed));
        Assert.Equal(["read-only", "3", "env"], lines[^3..]);
    }

    [Fact]
    public async Task A_program_without_a_path_is_looked_up_in_PATH()
    {
        TestAction action = new TestAction("mine", "argument").File("bin/mine", "#!/bin/sh\necho $1\n", isExecutable: true).Variable("PATH", "/build/bin:/usr/bin:/bin");

        Assert.Equal("argument\n", await TestExecution.TextAsync(_client, (await TestExecution.ResultAsync(_client, action)).StdoutDigest));
        ReapiActionResult absent = await TestExecution.ResultAsync(_client, new TestAction("absent-program").Variable("PATH", "/usr/bin"));
        Assert.Equal(127, absent.ExitCode);
    }

    [Fact]
    public async Task A_program_with_a_path_is_found_from_the_working_directory()
    {
        TestAction action = new TestAction("../tools/say").File("tools/say", "#!/bin/sh\npwd\n", isExecutable: true).Directory("work");
        action.Command.WorkingDirectory = "work";

        Assert.Equal("/build/work\n", await TestExecution.TextAsync(_client, (await TestExecution.ResultAsync(_client, action)).StdoutDigest));
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_no_verdict()
    {
        ExecuteResponse response = await TestExecution.RunAsync(_client, new TestAction("bin/absent"));

        Assert.Equal((int)StatusCode.InvalidArgument, response.Status.Code);
        Assert.Contains("/build/bin/absent", response.Status.Message, StringComparison.Ordinal);
        Assert.Contains("the worker's own files", response.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signal_is_an_exit_code_as_shells_say_it() =>
        Assert.Equal(128 + 9, (await TestExecution.ResultAsync(_client, TestAction.Shell("kill -9 $$"))).ExitCode);

    [Fact]
    public async Task Long_text_comes_whole()
    {
        ReapiActionResult result = await TestExecution.ResultAsync(_client, TestAction.Shell("head -c 3000000 /dev/zero; head -c 5 /dev/zero >&2"));

        Assert.Equal(3_000_000, result.StdoutDigest.SizeBytes);
        Assert.Equal(new byte[3_000_000], await _client.ReadAsync(ReapiClient.ReadName(result.StdoutDigest.ToCore())));
        Assert.Equal(5, result.StderrDigest.SizeBytes);
    }

    [Fact]
    public async Task The_times_of_an_action_are_in_order_and_name_the_worker()
    {
        ExecutedActionMetadata metadata = (await TestExecution.ResultAsync(_client, TestAction.Shell("sleep 0.2"))).ExecutionMetadata;

        DateTimeOffset[] times =
        [
            .. new[]
            {
                metadata.QueuedTimestamp, metadata.WorkerStartTimestamp, metadata.InputFetchStartTimestamp, metadata.InputFetchCompletedTimestamp,
                metadata.ExecutionStartTimestamp, metadata.ExecutionCompletedTimestamp, metadata.OutputUploadStartTimestamp,
                metadata.OutputUploadCompletedTimestamp, metadata.WorkerCompletedTimestamp,
            }.Select(time => time.ToDateTimeOffset()),
        ];
        Assert.Equal(times.Order(), times);
        Assert.True(metadata.ExecutionCompletedTimestamp.ToDateTimeOffset() - metadata.ExecutionStartTimestamp.ToDateTimeOffset() >= TimeSpan.FromSeconds(0.19));
        Assert.True(metadata.VirtualExecutionDuration.ToTimeSpan() >= TimeSpan.FromSeconds(0.19));
        Assert.Equal((await File.ReadAllTextAsync(Path.Combine(worker.Data, "worker-id"), Cancellation)).Trim(), metadata.Worker);
    }

    [Fact]
    public async Task An_action_that_runs_too_long_is_ended_and_its_text_told()
    {
        TestAction action = TestAction.Shell("echo before; echo made > out; sleep 1000").Outputs("out").Within(TimeSpan.FromSeconds(1));
        CoreDigest digest = await action.UploadAsync(_client);

        ExecuteResponse response = await TestExecution.RunAsync(_client, digest);

        Assert.Equal((int)StatusCode.DeadlineExceeded, response.Status.Code);
        Assert.Contains("1 s", response.Status.Message, StringComparison.Ordinal);
        Assert.Equal("before\n", await TestExecution.TextAsync(_client, response.Result.StdoutDigest));
        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, () => KnownAsync(digest));
    }

    [Fact]
    public async Task A_success_is_known_afterwards_and_not_run_again()
    {
        CoreDigest action = await TestAction.Shell("cat /proc/sys/kernel/random/uuid").UploadAsync(_client);

        ExecuteResponse first = await TestExecution.RunAsync(_client, action);
        ExecuteResponse second = await TestExecution.RunAsync(_client, action);
        ReapiActionResult known = await KnownAsync(action);
        ExecuteResponse third = await TestExecution.RunAsync(_client, action, skipCache: true);

        Assert.False(first.CachedResult);
        Assert.True(second.CachedResult);
        Assert.Equal(first.Result, second.Result);
        Assert.Equal(first.Result, known);
        Assert.False(third.CachedResult);
        Assert.NotEqual(first.Result.StdoutDigest, third.Result.StdoutDigest);
        Assert.Equal(third.Result, await KnownAsync(action));
    }

    [Theory]
    [InlineData("exit 1", false)]
    [InlineData("exit 0", true)]
    public async Task A_failure_and_what_is_not_to_be_cached_are_run_each_time(string script, bool doNotCache)
    {
        TestAction action = TestAction.Shell($"cat /proc/sys/kernel/random/uuid; {script}");
        action.Action.DoNotCache = doNotCache;
        CoreDigest digest = await action.UploadAsync(_client);

        ExecuteResponse first = await TestExecution.RunAsync(_client, digest);
        ExecuteResponse second = await TestExecution.RunAsync(_client, digest);

        Assert.False(second.CachedResult);
        Assert.NotEqual(first.Result.StdoutDigest, second.Result.StdoutDigest);
        await ReapiClient.AssertFailsAsync(StatusCode.NotFound, () => KnownAsync(digest));
    }

    [Fact]
    public async Task Properties_that_the_worker_offers_may_be_asked_for()
    {
        TestAction action = TestAction.Shell("true");
        action.Action.Platform = new Platform
        {
            Properties =
            {
                new Platform.Types.Property { Name = "OSFamily", Value = "linux" },
                new Platform.Types.Property { Name = "Pool", Value = "tests" },
                new Platform.Types.Property { Name = "cache-silo-key", Value = Guid.NewGuid().ToString() },
            },
        };

        Assert.Equal(0, (await TestExecution.ResultAsync(_client, action)).ExitCode);
    }

    [Theory]
    [InlineData("OSFamily", "windows", true)]
    [InlineData("Pool", "other", false)]
    [InlineData("container-image", "docker://gcc", false)]
    public async Task Other_properties_are_refused_by_name(string name, string value, bool inCommand)
    {
        TestAction action = TestAction.Shell("true");
        Platform platform = new() { Properties = { new Platform.Types.Property { Name = name, Value = value } } };
        (action.Action.Platform, action.Command.Platform) = (inCommand ? null : platform, inCommand ? platform : null);

        RpcException refused = await ReapiClient.AssertFailsAsync(StatusCode.FailedPrecondition, () => TestExecution.RunAsync(_client, action));

        Assert.Contains($"{name}={value}", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Contains(ReapiWorkerFixture.OfferedProperty, refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_capabilities_say_that_actions_are_run()
    {
        ServerCapabilities capabilities = await _client.Capabilities.GetCapabilitiesAsync(new GetCapabilitiesRequest(), cancellationToken: Cancellation);

        Assert.True(capabilities.ExecutionCapabilities.ExecEnabled);
        Assert.Equal([DigestFunction.Types.Value.Sha256], capabilities.ExecutionCapabilities.DigestFunctions);
    }

    private async Task<ReapiActionResult> KnownAsync(CoreDigest action) => await _client.Results.GetActionResultAsync(
        new GetActionResultRequest { ActionDigest = action.ToReapi() }, cancellationToken: Cancellation);
}
