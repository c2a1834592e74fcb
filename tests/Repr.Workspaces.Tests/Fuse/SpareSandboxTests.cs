using System.Diagnostics;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;

namespace Repr.Workspaces.Tests.Fuse;

/// <summary>Sandboxes that are made before the action that runs in them is known.</summary>
[SupportedOSPlatform("linux")]
public sealed class SpareSandboxTests : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("repr-spare-").FullName;
    private IWorkspaceProvider? _provider;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _provider = await WorkspaceProviders.CreateAsync(WorkspaceProviders.Fuse, TimeProvider.System, NullLogger.Instance, Cancellation);
        Assert.SkipWhen(_provider.WhyUnavailable is not null, _provider.WhyUnavailable ?? "");
    }

    public async ValueTask DisposeAsync()
    {
        await _provider!.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task The_next_action_sees_its_own_files_alone_and_leaves_its_own_outputs_alone()
    {
        MemoryFileSource first = Files().AddFile("/src/a", "one\n").AddFile("/src/old", "x").AddFile("/only/first", "x");
        MemoryFileSource second = Files().AddFile("/src/a", "two\n").AddFile("/src/new", "y");

        Ran one = await RunAsync(first, "cat a; ls /src; echo out1 > out; rm old; echo left > /tmp/left; (sleep 1000 &)");
        await AwaitSpareAsync();
        Ran two = await RunAsync(second, "cat a; ls /src /tmp; test -e /only || echo no more; echo out2 > out");

        Assert.Equal("one\na\nold\n", one.Text);
        Assert.Equal("two\n/src:\na\nnew\n\n/tmp:\nno more\n", two.Text);
        Assert.Equal(["- /src/old", "+ out1\n"], one.Changes);
        Assert.Equal(["+ out2\n"], two.Changes);
        Assert.False(one.WasReady);
        Assert.True(two.WasReady);
    }

    [Theory]
    [InlineData("environment")]
    [InlineData("directory")]
    [InlineData("umask")]
    public async Task What_is_the_commands_own_comes_with_the_command(string what)
    {
        MemoryFileSource files = Files().AddDirectory("/other");
        await RunAsync(files, "true");
        await AwaitSpareAsync();
        Command command = Shell("pwd; echo \"$WORD\"; umask");

        Ran ran = await RunAsync(files, what switch
        {
            "environment" => command with { Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin", ["WORD"] = "said" } },
            "directory" => command with { WorkingDirectory = VirtualPath.Parse("/other") },
            _ => command with { Umask = 0x1B },
        });

        Assert.Equal($"{(what == "directory" ? "/other" : "/src")}\n{(what == "environment" ? "said" : "")}\n{(what == "umask" ? "0033" : "0022")}\n", ran.Text);
        Assert.True(ran.WasReady);
    }

    [Fact]
    public async Task One_for_another_user_is_not_taken()
    {
        await RunAsync(Files(), "true");
        await AwaitSpareAsync();

        Ran ran = await RunAsync(Files(), Shell("id -u; touch out") with { UserId = 4321 });

        Assert.Equal("4321\n", ran.Text);
        Assert.False(ran.WasReady);
    }

    [Fact]
    public async Task One_that_was_killed_is_replaced()
    {
        await RunAsync(Files(), "true");
        await AwaitSpareAsync();
        int[] supervisors = Supervisors();
        foreach (int supervisor in supervisors)
        {
            using Process process = Process.GetProcessById(supervisor);
            process.Kill();
            await process.WaitForExitAsync(Cancellation);
        }

        Ran ran = await RunAsync(Files(), "echo well; touch out");

        Assert.Single(supervisors);
        Assert.Equal("well\n", ran.Text);
        Assert.False(ran.WasReady);
    }

    [Fact]
    public async Task A_command_that_can_not_run_says_so_and_the_next_one_runs()
    {
        await RunAsync(Files(), "true");
        await AwaitSpareAsync();

        ReprException absent = await Assert.ThrowsAsync<ReprException>(
            () => RunAsync(Files(), Shell("") with { Arguments = ["/src/absent"] }));
        ReprException nul = await Assert.ThrowsAsync<ReprException>(() => RunAsync(Files(), Shell("echo \0")));
        Ran ran = await RunAsync(Files(), "echo well");

        Assert.Contains("'/src/absent' was not found", absent.Message, StringComparison.Ordinal);
        Assert.Equal(ReprErrorCode.InvalidRequest, nul.Code);
        Assert.Equal("well\n", ran.Text);
    }

    [Fact]
    public async Task A_workspace_that_never_ran_and_the_end_of_the_provider_leave_nothing()
    {
        await RunAsync(Files(), "true");
        await AwaitSpareAsync();
        await (await CreateAsync(Files(), Shell("true"))).DisposeAsync();
        await RunAsync(Files(), "true");
        await AwaitSpareAsync();

        await _provider!.DisposeAsync();

        Assert.Empty(Directory.EnumerateFileSystemEntries(_root));
        Assert.Empty(Supervisors());
    }

    [Fact]
    public async Task Actions_on_many_slots_at_once_get_each_their_own()
    {
        await Parallel.ForAsync(0, 40, Cancellation, async (number, _) =>
        {
            for (int round = 0; round < 5; round++)
            {
                Ran ran = await RunAsync(Files().AddFile("/src/mine", $"{number}.{round}\n"), Shell("cat mine; cp mine out"), slot: number);
                Assert.Equal($"{number}.{round}\n", ran.Text);
                Assert.Equal([$"+ {number}.{round}\n"], ran.Changes);
            }
        });
    }

    private static MemoryFileSource Files() => new MemoryFileSource(new PassThroughFileSource(SystemTools.Roots)).AddDirectory("/src");

    private static Command Shell(string script) => new()
    {
        Arguments = ["/bin/sh", "-c", script],
        WorkingDirectory = VirtualPath.Parse("/src"),
        Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin" },
        OutputRoots = [VirtualPath.Parse("/src")],
        UserId = 1234,
        GroupId = 567,
    };

    private Task<Ran> RunAsync(MemoryFileSource files, string script) => RunAsync(files, Shell(script));

    private async Task<Ran> RunAsync(MemoryFileSource files, Command command, int slot = 0)
    {
        CollectedText text = new();
        await using IWorkspace workspace = await CreateAsync(files, command, slot);
        await workspace.RunAsync(text, input: null, Cancellation);
        IReadOnlyList<WorkspaceChange> changes = workspace.CollectChanges();
        return new Ran(
            text.All,
            [.. changes.Select(change => change.LocalPath is null ? $"- {change.Path}" : $"+ {File.ReadAllText(change.LocalPath)}")],
            !Directory.EnumerateDirectories(_root, "action-*").Any(directory => Directory.Exists(Path.Combine(directory, "upper"))));
    }

    private ValueTask<IWorkspace> CreateAsync(MemoryFileSource files, Command command, int slot = 0) => _provider!.CreateAsync(
        Directory.CreateDirectory(Path.Combine(_root, $"action-{Guid.NewGuid():N}")).FullName, slot, command, files, Cancellation);

    private async Task AwaitSpareAsync()
    {
        while (Directory.GetDirectories(_root, "spare-*").Length == 0)
        {
            await Task.Delay(5, Cancellation);
        }
    }

    // Below this process the launcher, below it one for each sandbox.
    private static int[] Supervisors()
    {
        (int Id, int Parent)[] launchers = LauncherProcesses.All();
        return
        [
            .. launchers.Where(one => launchers.Any(launcher => launcher.Id == one.Parent && launcher.Parent == Environment.ProcessId))
                .Select(one => one.Id),
        ];
    }

    /// <summary>How a run went.</summary>
    private sealed record Ran(string Text, string[] Changes, bool WasReady);
}
