using System.Runtime.Versioning;
using Xunit;

namespace Repr.Testing;

/// <summary>
/// What every <see cref="IWorkspaceProvider"/> on Linux promises beyond what the files of every kind of workspace do (WorkspaceCases):
/// processes, users, permissions. Checked with real tools of this machine. A provider that cannot be used here is skipped with its reason.
/// </summary>
[SupportedOSPlatform("linux")]
public abstract partial class WorkspaceProviderContract : IAsyncLifetime
{
    private IWorkspaceProvider? _provider;

    /// <summary>The provider under test.</summary>
    protected IWorkspaceProvider Provider => _provider ?? throw new InvalidOperationException("Not initialised.");

    /// <summary>What actions see: the basic tools, and what a test adds.</summary>
    protected MemoryFileSource Files { get; } =
        new MemoryFileSource(new PassThroughFileSource(SystemTools.Roots)).AddDirectory("/src");

    /// <summary>Ends a test that hangs.</summary>
    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Makes the provider under test.</summary>
    protected abstract ValueTask<IWorkspaceProvider> CreateProviderAsync(CancellationToken cancellationToken);

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _provider = await CreateProviderAsync(Cancellation);
        Assert.SkipWhen(_provider.WhyUnavailable is not null, _provider.WhyUnavailable ?? "");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_provider is not null)
        {
            await _provider.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>A command that runs a shell script in /src.</summary>
    protected static Command Shell(string script) => new()
    {
        Arguments = ["/bin/sh", "-c", script],
        WorkingDirectory = VirtualPath.Parse("/src"),
        Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin" },
        OutputRoots = [VirtualPath.Parse("/src")],
        CopyRoots = [.. SystemTools.Roots, VirtualPath.Parse("/src")],
        UserId = 1234,
        GroupId = 567,
    };

    /// <summary>Runs a script and returns everything about it.</summary>
    protected Task<Outcome> RunAsync(string script) => RunAsync(Shell(script));

    /// <summary>Runs a command and returns everything about it.</summary>
    protected async Task<Outcome> RunAsync(Command command, CollectedText? text = null, int slot = 0)
    {
        text ??= new CollectedText();
        await using IWorkspace workspace = await Provider.CreateAsync(NewStaging(), slot, command, Files, Cancellation);
        ToolRun run = await workspace.RunAsync(text, input: null, Cancellation);
        IReadOnlyList<WorkspaceChange> changes = workspace.CollectChanges();
        Dictionary<string, string> contents = changes.Where(change => change.LocalPath is not null)
            .ToDictionary(change => change.Path.Text, change => File.ReadAllText(change.LocalPath!));
        return new Outcome(run, text.All, text.Error, changes, contents);
    }

    /// <summary>A fresh staging directory.</summary>
    protected static string NewStaging() => Directory.CreateTempSubdirectory("repr-staging-").FullName;

    /// <summary>One line per change: "+ path mode", "/ path mode", "@ path -> target", "- path".</summary>
    protected static string[] Describe(IEnumerable<WorkspaceChange> changes) =>
    [
        .. changes.Select(change => change.Kind switch
        {
            FileKind.File => $"+ {change.Path} {Convert.ToString(change.Mode, 8)}",
            FileKind.Directory => $"/ {change.Path} {Convert.ToString(change.Mode, 8)}",
            FileKind.Symlink => $"@ {change.Path} -> {change.LinkTarget}",
            _ => $"- {change.Path}",
        }),
    ];

    /// <summary>How a run went.</summary>
    protected sealed record Outcome(
        ToolRun Run, string Text, string Error, IReadOnlyList<WorkspaceChange> Changes, IReadOnlyDictionary<string, string> Contents)
    {
        /// <summary>The exit code; fails when there is none.</summary>
        public int Code
        {
            get
            {
                Assert.Equal(ExitKind.Code, Run.Exit.Kind);
                return Run.Exit.Value;
            }
        }
    }

    [Fact]
    public async Task The_tool_sees_the_requesters_files_at_their_paths()
    {
        Files.AddFile("/src/deep/er/a b.txt", "content\n").AddLink("/src/link", "deep/er/a b.txt");

        Outcome outcome = await RunAsync(
            "pwd; cat 'deep/er/a b.txt' link; readlink link; ls deep; stat -c '%s %a %Y' link 'deep/er/a b.txt'");

        Assert.Equal(
            "/src\ncontent\ncontent\ndeep/er/a b.txt\ner\n15 777 1600000000\n8 644 1600000000\n", outcome.Text);
        Assert.Equal(0, outcome.Code);
        Assert.Empty(outcome.Changes);
    }

    [Fact]
    public async Task Nothing_else_of_the_machine_is_visible()
    {
        Outcome outcome = await RunAsync(
            "for f in /root /home /etc /var /mnt /sys/kernel; do test -e $f && echo $f; done; ls -a / | sort");

        string[] names = outcome.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([], names.Except([".", "..", "bin", "dev", "lib", "lib64", "proc", "src", "tmp", "usr"]));
    }

    [Fact]
    public async Task The_environment_is_exactly_the_commands()
    {
        Command command = Shell("") with
        {
            Arguments = ["/usr/bin/env"],
            Environment = new Dictionary<string, string> { ["A"] = "1", ["B"] = "x=y ä" },
        };

        Outcome outcome = await RunAsync(command);

        Assert.Equal("A=1\nB=x=y ä\n", outcome.Text);
    }

    [Fact]
    public async Task The_tool_is_the_user_that_was_asked_for_and_owns_the_files()
    {
        Files.AddFile("/src/mine", "");

        Outcome outcome = await RunAsync(
            "id -u; id -g; umask; stat -c '%u %g' /src /src/mine /usr/bin /tmp; touch new; stat -c '%u %g' new");

        Assert.Equal("1234\n567\n0022\n" + string.Concat(Enumerable.Repeat("1234 567\n", 5)), outcome.Text);
    }

    [Fact]
    public async Task A_tool_that_believes_to_be_root_has_no_privilege()
    {
        Outcome outcome = await RunAsync(
            Shell(
                "id -u; cat /proc/self/status | while read k v; do case $k in Cap???:|NoNewPrivs:|Seccomp:) echo $k $v;; esac; done;"
                + " unshare -m true || echo refused") with
            {
                UserId = 0,
                GroupId = 0,
            });

        const string None = "0000000000000000";
        Assert.StartsWith(
            $"0\nCapInh: {None}\nCapPrm: {None}\nCapEff: {None}\nCapBnd: {None}\nCapAmb: {None}\nNoNewPrivs: 1\nSeccomp: 2\n",
            outcome.Text,
            StringComparison.Ordinal);
        Assert.Contains("refused\n", outcome.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Writes_deletions_renames_links_and_modes_are_collected()
    {
        Files.AddFile("/src/changed", "old").AddFile("/src/deleted", "x").AddFile("/src/renamed", "moved")
            .AddFile("/src/kept", "k").AddFile("/src/dir/inside", "i").AddFile("/src/gone/x", "").AddFile("/src/tool", "t");

        Outcome outcome = await RunAsync(
            "umask 022; echo new > changed; rm deleted; mv renamed target; ln -s target sym; mkdir -p n/m; echo a > n/m/f; chmod 600 n/m/f;"
            + "echo b > dir/added; rm -r gone; chmod 755 tool; ln n/m/f hard; mkfifo fifo; mkdir -m 700 private");

        Assert.Equal("", outcome.Text);
        Assert.Equal(
            [
                "+ /src/changed 644", "- /src/deleted", "+ /src/dir/added 644", "- /src/gone", "+ /src/hard 600", "/ /src/n 755",
                "/ /src/n/m 755", "+ /src/n/m/f 600", "/ /src/private 700", "- /src/renamed", "@ /src/sym -> target",
                "+ /src/target 644", "+ /src/tool 755",
            ],
            Describe(outcome.Changes));
        Assert.Equal("new\n", outcome.Contents["/src/changed"]);
        Assert.Equal("moved", outcome.Contents["/src/target"]);
        Assert.Equal("t", outcome.Contents["/src/tool"]);
    }

    [Fact]
    public async Task A_changed_mode_of_a_directory_is_collected_and_locked_files_can_be_read()
    {
        Files.AddDirectory("/src/d");

        Outcome outcome = await RunAsync("chmod 750 d; echo secret > s; chmod 000 s; mkdir l; echo x > l/x; chmod 000 l");

        Assert.Equal(["/ /src/d 750", "/ /src/l 0", "+ /src/l/x 644", "+ /src/s 0"], Describe(outcome.Changes));
        Assert.Equal("secret\n", outcome.Contents["/src/s"]);
    }

    [Fact]
    public async Task The_temporary_directory_is_private_and_not_collected()
    {
        Outcome first = await RunAsync("stat -c %a /tmp; echo x > /tmp/leak; cat /tmp/leak; echo y > /dev/shm/leak && echo shm");
        Outcome second = await RunAsync("ls -A /tmp /dev/shm");

        Assert.Equal("1777\nx\nshm\n", first.Text);
        Assert.Equal("/dev/shm:\n\n/tmp:\n", second.Text);
        Assert.Empty(first.Changes);
    }

    [Fact]
    public async Task An_output_root_below_the_temporary_directory_is_collected()
    {
        Outcome outcome = await RunAsync(
            Shell("mkdir -p /tmp/out /tmp/other; echo o > /tmp/out/f; echo x > /tmp/other/f") with
            {
                OutputRoots = [VirtualPath.Parse("/tmp/out")],
            });

        Assert.Equal(["/ /tmp/out 755", "+ /tmp/out/f 644"], Describe(outcome.Changes));
    }
}
