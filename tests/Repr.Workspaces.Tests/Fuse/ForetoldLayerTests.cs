using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;
using Repr.Workspaces.Fuse;

namespace Repr.Workspaces.Tests.Fuse;

/// <summary>What a tool is known to look at lies before it when it begins.</summary>
[SupportedOSPlatform("linux")]
public sealed class ForetoldLayerTests : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("repr-foretold-").FullName;
    private IWorkspaceProvider? _provider;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(Environment.UserName != "root", "Only root has such layers.");
        _provider = await WorkspaceProviders.CreateAsync(WorkspaceProviders.Fuse, TimeProvider.System, NullLogger.Instance, Cancellation);
        Assert.SkipWhen(_provider.WhyUnavailable is not null, _provider.WhyUnavailable ?? "");
    }

    public async ValueTask DisposeAsync()
    {
        if (_provider is not null)
        {
            await _provider.DisposeAsync();
        }

        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task It_looks_as_what_is_asked_for()
    {
        RecordedFiles files = new(Tools()
            .AddFile("/src/a", "one\n").AddFile("/src/script", "#!/bin/sh\necho ran\n", mode: 0x1ED).AddFile("/src/d/readonly", "x", mode: 0x124).AddFile("/src/d/empty", "")
            .AddLink("/src/link", "d/readonly").AddLink("/src/hanging", "nowhere").AddDirectory("/src/closed", mode: 0x140).AddFile("/src/closed/f", "y", mode: 0x100));
        const string Script = """
            cat a d/readonly d/empty link closed/f; ./script
            for f in a script d d/readonly d/empty link hanging closed closed/f .; do stat -c '%n %F %a %Y %y %u:%g %h %N' $f; done
            stat -c '%n %s' a script d/readonly d/empty link hanging closed/f # a directory's size, blocks and the time of change of the inode are not said alike
            for f in no d/no no/no a/no hanging; do test -e $f || echo no $f; done
            ls -a . d closed; find . -type f | sort; (echo x > d/readonly) 2>&1 | wc -l
            """;

        Ran asked = await RunAsync(files, Script);
        files.Foretells = true;
        Ran shown = await RunAsync(files, Script);

        Assert.Equal(asked.Text, shown.Text);
        Assert.Empty(shown.Changes);
        Assert.Contains("ran\n", shown.Text, StringComparison.Ordinal);
        Assert.Superset(
            new HashSet<string> { "/src/a", "/src/script", "/src/d/readonly", "/src/d/empty", "/src/link", "/src/hanging", "/src/closed/f", "/src/no", "/src/d" },
            files.Shown.Keys.Select(static path => path.Text).ToHashSet());
        Assert.DoesNotContain(files.Asked.Keys, path => path.Text is "/src/a" or "/src/script" or "/src/d/readonly" or "/src/link" or "/src/no" or "/src/closed/f");
    }

    [Fact]
    public async Task What_a_tool_does_with_it_is_collected()
    {
        RecordedFiles files = new(Tools()
            .AddFile("/src/a", "one\n").AddFile("/src/b", "two\n").AddFile("/src/c", "three\n").AddFile("/src/d/x", "x").AddFile("/src/d/y", "y").AddFile("/src/mode", "m"));
        const string Script = """
            cat a b c d/x mode; test -e new || test -e n/ew
            echo more >> a; rm b; mv c moved; rm -r d; mkdir d; echo new > d/z; echo new > new; chmod 755 mode; mkdir n; echo w > n/ew; ls . d
            """;

        Ran asked = await RunAsync(files, Script);
        files.Foretells = true;
        Ran shown = await RunAsync(files, Script);
        Ran again = await RunAsync(files, "cat a b c d/x mode; ls . d; test -e new || echo no");

        Assert.Equal(asked.Text, shown.Text);
        Assert.Equal(asked.Changes, shown.Changes);
        Assert.Contains("- /src/b", shown.Changes);
        Assert.Contains("/src/a: one\nmore\n", shown.Changes);
        Assert.Equal("one\ntwo\nthree\nxm.:\na\nb\nc\nd\nmode\n\nd:\nx\ny\nno\n", again.Text);
        Assert.Empty(again.Changes);
    }

    [Fact]
    public async Task A_content_that_is_not_here_is_asked_for_when_it_is_read()
    {
        RecordedFiles files = new(Tools().AddFile("/src/near", "near\n").AddFile("/src/far", "far\n")) { IsFar = static path => path.Name == "far" };
        await RunAsync(files, "cat near far");
        files.Foretells = true;

        Ran ran = await RunAsync(files, "cat near far");

        Assert.Equal("near\nfar\n", ran.Text);
        Assert.Contains(VirtualPath.Parse("/src/near"), files.Shown.Keys);
        Assert.DoesNotContain(VirtualPath.Parse("/src/far"), files.Shown.Keys);
        Assert.Contains(VirtualPath.Parse("/src/far"), files.Asked.Keys);
    }

    [Fact]
    public async Task Of_what_lay_before_another_callers_tool_nothing_is_left()
    {
        RecordedFiles files = new(Tools().AddFile("/src/a", "one\n"));
        await RunAsync(files, "cat a");
        files.Foretells = true;

        string first = (await RunAsync(files, "stat -c '%i %z' a")).Text;
        string again = (await RunAsync(files, "stat -c '%i %z' a")).Text;
        files.Caller = "another";
        string others = (await RunAsync(files, "stat -c '%i %z' a")).Text;

        Assert.Equal(first, again);
        Assert.NotEqual(first, others);
    }

    [Fact]
    public async Task Where_it_can_not_be_made_the_tool_asks()
    {
        RecordedFiles files = new(Tools().AddFile("/src/a", "one\n"));
        await RunAsync(files, "cat a");
        files.Foretells = true;
        await RunAsync(files, "cat a"); // a sandbox that is ready has the layer mounted
        files.Further = [new ForetoldEntry(VirtualPath.Parse("/no/way/there"), null)];

        Ran failed = await RunAsync(files, "cat a; echo new > b; test -e /no || echo none");
        files.Further = [];
        Ran after = await RunAsync(files, "cat a; test -e b || echo none");

        Assert.Equal("one\nnone\n", failed.Text);
        Assert.Equal(["/src/b: new\n"], failed.Changes);
        Assert.Equal("one\nnone\n", after.Text);
        Assert.Empty(files.Shown);
        Assert.Contains(VirtualPath.Parse("/src/a"), files.Asked.Keys);
    }

    [Fact]
    public async Task When_the_launcher_has_died_it_is_made_anew()
    {
        RecordedFiles files = new(Tools().AddFile("/src/a", "one\n"));
        await RunAsync(files, "cat a; test -e b || true");
        files.Foretells = true;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(slot => RunAsync(files, "cat a; test -e b || true", slot)));
        int launcher = LauncherProcesses.All().Single(static one => one.Parent == Environment.ProcessId).Id;
        using (Process process = Process.GetProcessById(launcher))
        {
            process.Kill();
            await process.WaitForExitAsync(Cancellation);
        }

        Ran[] ran = await Task.WhenAll(Enumerable.Range(0, 4).Select(slot => RunAsync(files, "cat a; test -e b || echo none", slot)));

        Assert.All(ran, static one => Assert.Equal("one\nnone\n", one.Text));
        Assert.Contains(VirtualPath.Parse("/src/a"), files.Shown.Keys);
    }

    /// <summary>
    /// Worlds that differ at random in what there is, of which a part is foretold at random, one after the other in one slot. REPR_TEST_WORLDS says how many.
    /// </summary>
    [Fact]
    public async Task Each_action_of_a_slot_sees_its_own_world_alone()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        int rounds = int.Parse(Environment.GetEnvironmentVariable("REPR_TEST_WORLDS") ?? "60", CultureInfo.InvariantCulture);
        for (int round = 0; round < rounds; round++)
        {
            MemoryFileSource world = Tools();
            StringBuilder expected = new();
            StringBuilder script = new();
            AddRandom(world, random, "/src", depth: 0, script, expected);
            RecordedFiles files = new(world);
            if (round % 3 != 0)
            {
                await LookSomewhereAsync(files, random);
                files.Foretells = true;
            }

            Ran ran = await RunAsync(files, script.ToString());
            Assert.Equal(files.Foretells, files.Shown.ContainsKey(VirtualPath.Parse("/src")));
            Assert.True(expected.ToString() == ran.Text, $"Seed {seed}, round {round}, foretold: {string.Join(", ", files.Shown.Keys)}\nexpected:\n{expected}\nwas:\n{ran.Text}");
        }
    }

    // What a tool would see in the order of names; the script says it. Returns mode and time of the directory.
    private static string AddRandom(MemoryFileSource world, Random random, string directory, int depth, StringBuilder script, StringBuilder expected)
    {
        bool isWritable = random.Next(2) == 0;
        int time = random.Next(3);
        world.AddDirectory(directory, isWritable ? 0x1ED : 0x16D, time * 1_000_000_000L);
        StringBuilder names = new();
        foreach (string name in new[] { "a", "b", "c", "d" })
        {
            string path = $"{directory}/{name}";
            script.Append(CultureInfo.InvariantCulture, $"p={path}; if [ -L $p ]; then readlink $p; elif [ -d $p ]; then stat -c 'dir %a %Y' $p; elif [ -e $p ]; then cat $p; stat -c '%a %Y %s' $p; else echo none; fi\n");
            switch (random.Next(depth < 3 ? 5 : 3))
            {
                case 0:
                    expected.Append("none\n");
                    continue;
                case 1:
                    string content = $"{random.Next(3)} of {path}\n";
                    bool isExecutable = random.Next(2) == 0;
                    int changed = random.Next(3);
                    world.AddFile(path, content, isExecutable ? 0x1ED : 0x1A4, changed * 1_000_000_000L);
                    expected.Append(CultureInfo.InvariantCulture, $"{content}{(isExecutable ? "755" : "644")} {changed} {content.Length}\n");
                    break;
                case 2:
                    string target = $"to{random.Next(3)}";
                    world.AddLink(path, target);
                    expected.Append(target).Append('\n');
                    break;
                default:
                    int where = expected.Length;
                    expected.Insert(where, $"dir {AddRandom(world, random, path, depth + 1, script, expected)}\n");
                    break;
            }

            names.Append(name).Append(' ');
        }

        script.Append(CultureInfo.InvariantCulture, $"cd {directory}; echo *; cd /\n");
        expected.Append(names.Length == 0 ? "*" : names.ToString().TrimEnd()).Append('\n');
        return $"{(isWritable ? "755" : "555")} {time}";
    }

    // As a tool that looked at half of what there is: each directory before what is in it.
    private static async Task LookSomewhereAsync(RecordedFiles files, Random random)
    {
        Queue<string> directories = new(["/src"]);
        await files.FindAsync(VirtualPath.Parse("/src"), Cancellation);
        while (directories.TryDequeue(out string? directory))
        {
            foreach (string name in new[] { "a", "b", "c", "d" }.Where(_ => random.Next(2) == 0))
            {
                VirtualPath path = VirtualPath.Parse($"{directory}/{name}");
                switch (await files.FindAsync(path, Cancellation))
                {
                    case { Kind: FileKind.Directory }:
                        directories.Enqueue(path.Text);
                        break;
                    case { Kind: FileKind.File }:
                        (await files.OpenAsync(path, Cancellation)).Dispose();
                        break;
                }
            }
        }
    }

    private static MemoryFileSource Tools() => new MemoryFileSource(new PassThroughFileSource(SystemTools.Roots)).AddDirectory("/src");

    private async Task<Ran> RunAsync(RecordedFiles files, string script, int slot = 0)
    {
        Command command = new()
        {
            Arguments = ["/bin/sh", "-c", script],
            WorkingDirectory = VirtualPath.Parse("/src"),
            Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin", ["LC_ALL"] = "C" },
            OutputRoots = [VirtualPath.Parse("/src")],
            UserId = 1234,
            GroupId = 567,
        };
        CollectedText text = new();
        await using IWorkspace workspace = await _provider!.CreateAsync(
            Directory.CreateDirectory(Path.Combine(_root, $"action-{Guid.NewGuid():N}")).FullName, slot, command, files, Cancellation);
        await workspace.RunAsync(text, input: null, Cancellation);
        return new Ran(text.All, [.. workspace.CollectChanges().Select(Describe)]);
    }

    private static string Describe(WorkspaceChange change) => change switch
    {
        { Kind: null } => $"- {change.Path}",
        { LocalPath: { } file } => $"{change.Path}: {File.ReadAllText(file)}",
        _ => $"{change.Path} {change.Kind} {change.Mode} {change.LinkTarget}",
    };

    private sealed record Ran(string Text, string[] Changes);
}
