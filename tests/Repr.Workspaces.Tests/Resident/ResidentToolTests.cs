using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Testing;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Resident;

namespace Repr.Workspaces.Tests.Resident;

/// <summary>A tool that stays: a Perl that evaluates, in its own process, what it is sent over its socket.</summary>
[SupportedOSPlatform("linux")]
public sealed class ResidentToolTests : IAsyncLifetime
{
    private const string Server =
        """
        use Socket;
        socket(my $server, AF_UNIX, SOCK_STREAM, 0) or die;
        bind($server, sockaddr_un("/tmp/repr-resident")) or die;
        listen($server, 8) or die;
        $| = 1;
        print "ready\n";
        while (accept(my $client, $server)) {
            my $line = <$client>;
            my $answer = eval $line;
            print $client defined $answer ? $answer : "undefined $@";
            close $client;
        }
        """;

    private IWorkspaceProvider? _provider;
    private readonly List<Socket> _sockets = [];
    private IResidentTool? _tool;
    private bool _hasEntered;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Command Perl => new()
    {
        Arguments = ["/usr/bin/perl", "-e", Server],
        WorkingDirectory = VirtualPath.Root,
        Environment = new Dictionary<string, string> { ["PATH"] = "/usr/bin" },
        OutputRoots = [VirtualPath.Parse("/src")],
        UserId = 1234,
        GroupId = 567,
    };

    public async ValueTask InitializeAsync()
    {
        _provider = await WorkspaceProviders.CreateAsync(WorkspaceProviders.Fuse, TimeProvider.System, NullLogger.Instance, Cancellation);
        Assert.SkipWhen(_provider.WhyUnavailable is not null, _provider.WhyUnavailable ?? "");
    }

    public async ValueTask DisposeAsync()
    {
        if (_tool is not null)
        {
            await _tool.DisposeAsync();
        }

        _sockets.ForEach(static socket => socket.Dispose());
        await _provider!.DisposeAsync();
    }

    [Fact]
    public async Task Each_world_is_all_that_the_tool_sees()
    {
        await StartAsync();

        await using (IResidentWorld first = await EnterAsync(NewFiles().AddFile("/src/a", "one").AddFile("/only/here", "x")))
        {
            Assert.Equal("one", await EvaluateAsync(Read("/src/a")));
            Assert.Equal("x", await EvaluateAsync(Read("/only/here")));
        }

        await using IResidentWorld second = await EnterAsync(NewFiles().AddFile("/src/a", "two"));
        Assert.Equal("two", await EvaluateAsync(Read("/src/a")));
        Assert.StartsWith("undefined", await EvaluateAsync(Read("/only/here")), StringComparison.Ordinal);
        Assert.Equal("two", await EvaluateAsync("qx(cat /src/a)"));
    }

    [Fact]
    public async Task What_it_is_certain_to_look_at_is_looked_at_beforehand_and_hides_nothing()
    {
        MemoryFileSource files = NewFiles().AddDirectory("/locked", 0x49).AddLink("/linked", "/src"); // 0o111: nobody lists it
        string[] certain = [.. Enumerable.Range(0, 500).Select(static number => $"/src/file{number}")];
        foreach (string path in certain.Append("/src/other").Append("/locked/a").Append("/locked/b").Append("/locked/c"))
        {
            files.AddFile(path, path);
        }

        ConcurrentDictionary<VirtualPath, bool> asked = new();
        files.BeforeAnswer = (path, _) =>
        {
            asked[path] = true;
            return default;
        };
        await StartAsync();

        await using IResidentWorld world = await _tool!.EnterAsync(
            Perl,
            files,
            [.. certain.Concat(["/src/gone", "/locked/a", "/locked/b", "/locked/c", "/linked/file1", "/linked/file2", "/linked/file3"]).Select(static path => new ObservedInput(VirtualPath.Parse(path), ObservedKind.Stated))],
            Cancellation);

        Assert.All(certain, path => Assert.True(asked.ContainsKey(VirtualPath.Parse(path)), path));
        Assert.False(asked.ContainsKey(VirtualPath.Parse("/src/other")));
        Assert.Equal("/src/file499 /src/other /locked/b", await EvaluateAsync("join ' ', map { open(my $f, '<', $_) or die $!; local $/; <$f> } ('/src/file499', '/src/other', '/locked/b')"));
        Assert.Equal("501 1", await EvaluateAsync("opendir(my $d, '/src'); my @n = grep { !/^\\./ } readdir $d; @n . ' ' . grep { $_ eq 'other' } @n"));
        Assert.Equal("none", await EvaluateAsync("-e '/src/gone' ? 'there' : 'none'"));
        Assert.Equal("/src/file2", await EvaluateAsync(Read("/linked/file2")));
    }

    [Fact]
    public async Task What_it_is_certain_to_read_is_there_before_it_reads()
    {
        (string Path, string Content)[] read =
        [
            .. new[] { 0, 1, 4095, 4096, 4097, 65536, 65537, 300_000 }.Select(static length =>
                ($"/src/read{length}", string.Concat(Enumerable.Range(0, 1 + (length / 6)).Select(static number => $"{number:D6}"))[..length])),
        ];
        MemoryFileSource files = NewFiles().AddFile("/src/known", "known").AddFile("/src/last", "last").AddFile("/src/other", "other");
        foreach ((string path, string content) in read)
        {
            files.AddFile(path, content);
        }

        await StartAsync();
        await using IResidentWorld world = await EnterLaterAsync(
            files, [.. read.Select(static file => file.Path), "/src/last"], new ObservedInput(VirtualPath.Parse("/src/known"), ObservedKind.Stated));
        await AwaitOpenedAsync(files, "/src/last"); // told one after the other: the others are there

        VirtualPath[] told = [.. read.Where(static file => file.Content.Length is > 0 and <= 65536).Select(static file => VirtualPath.Parse(file.Path))];
        Assert.Equal(told.Order(), files.Opened.Keys.Where(static path => path.Text.StartsWith("/src/read", StringComparison.Ordinal)).Order());
        foreach ((string path, string content) in read)
        {
            Assert.Equal(content, await EvaluateAsync(Read(path)));
            Assert.Equal($"{content.Length}", await EvaluateAsync($"-s '{path}'"));
        }

        Assert.Equal("known last other", await EvaluateAsync("join ' ', map { open(my $f, '<', $_) or die $!; local $/; <$f> } ('/src/known', '/src/last', '/src/other')"));
        Assert.All(told, path => Assert.Equal(1, files.Opened[path])); // read from what the kernel was told
    }

    [Fact]
    public async Task What_fails_before_it_reads_fails_only_if_it_reads()
    {
        MemoryFileSource files = NewFiles();
        string[] paths = ["/src/one", "/src/two", "/src/three", "/src/last"];
        foreach (string path in paths)
        {
            files.AddFile(path, path);
        }

        int failures = 0;
        files.BeforeContent = (path, _) => path.Text switch
        {
            "/src/one" when Interlocked.Increment(ref failures) == 1 => throw new ReprException(ReprErrorCode.Unavailable, "once"),
            "/src/two" => throw new ReprException(ReprErrorCode.Unavailable, "always"),
            _ => default,
        };
        await StartAsync();
        await using IResidentWorld world = await EnterLaterAsync(files, paths);
        await AwaitOpenedAsync(files, "/src/last");

        Assert.Equal("/src/one", await EvaluateAsync(Read("/src/one")));
        Assert.Equal("/src/three", await EvaluateAsync(Read("/src/three")));
        Assert.False(world.Failed.IsCompleted);
        Assert.StartsWith("undefined", await EvaluateAsync(Read("/src/two")), StringComparison.Ordinal);
        Assert.Equal("always", (await Assert.ThrowsAsync<ReprException>(() => world.Failed)).Message);
    }

    [Fact]
    public async Task Writes_belong_to_the_world_in_which_they_were_made()
    {
        await StartAsync();

        await using (IResidentWorld first = await EnterAsync(NewFiles()))
        {
            await EvaluateAsync("open(my $f, '>', '/src/made') or die $!; print $f 'first'; close $f; mkdir '/tmp/left'; 1");
            WorkspaceChange change = Assert.Single(first.CollectChanges());
            Assert.Equal("/src/made first", $"{change.Path} {await File.ReadAllTextAsync(change.LocalPath!, Cancellation)}");
        }

        await using IResidentWorld second = await EnterAsync(NewFiles());
        Assert.Equal("0 0", await EvaluateAsync("(-e '/src/made' ? 1 : 0) . ' ' . (-e '/tmp/left' ? 1 : 0)"));
        Assert.Empty(second.CollectChanges());
    }

    [Fact]
    public async Task The_tool_keeps_its_memory_and_what_it_has_open()
    {
        string large = string.Concat(Enumerable.Repeat("0123456789abcde\n", 20_000));
        await StartAsync();
        await using (IResidentWorld first = await EnterAsync(NewFiles().AddFile("/src/a", large)))
        {
            await EvaluateAsync("$kept = 'kept'; open($open, '<', '/src/a') or die $!; sysread($open, my $b, 16); 1");
        }

        for (int i = 0; i < 5; i++)
        {
            await using IResidentWorld later = await EnterAsync(NewFiles().AddFile("/src/a", "later"));
            Assert.Equal("later", await EvaluateAsync(Read("/src/a")));
        }

        Assert.Equal("kept 0123456789abcde", await EvaluateAsync("sysseek($open, 16 * 19999, 0); sysread($open, my $b, 15); \"$kept $b\""));
        Assert.Equal("319984", await EvaluateAsync("my $n = 0; sysseek($open, 16, 0); while (my $r = sysread($open, my $b, 65536)) { $n += $r } $n"));
    }

    [Fact]
    public async Task A_world_that_nobody_uses_goes_away()
    {
        await StartAsync();
        for (int i = 0; i < 20; i++)
        {
            await using IResidentWorld world = await EnterAsync(NewFiles().AddFile("/src/a", $"{i}"));
            Assert.Equal($"{i}", await EvaluateAsync(Read("/src/a")));
        }

        for (int wait = 0; wait < 100 && _tool!.LingeringWorlds > 1; wait++) // the first holds the tool's program, unless the kernel serves it
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancellation);
        }

        Assert.InRange(_tool!.LingeringWorlds, 0, 1);
    }

    [Fact]
    public async Task A_world_that_was_made_for_another_root_is_not_used_and_a_connection_that_was_not_used_is()
    {
        await StartAsync();
        await using IResidentWorld first = await EnterAsync(NewFiles().AddFile("/src/a", "first"));
        await using IResidentWorld second = await EnterAsync(NewFiles().AddDirectory("/", 0x1C0).AddFile("/src/a", "second"));
        await using IResidentWorld third = await EnterAsync(NewFiles().AddDirectory("/", 0x1C0).AddFile("/src/a", "third"));

        Assert.Equal("third", await EvaluateAsync(Read("/src/a")));
        Assert.Equal("third", await EvaluateAsync(Read("/src/a")));
        await EvaluateAsync("open(my $f, '>', '/src/made') or die $!; 1");
        Assert.Equal("/src/made", Assert.Single(third.CollectChanges()).Path.Text);
        Assert.Empty(second.CollectChanges());
    }

    [Fact]
    public async Task Nobody_waits_for_a_tool_that_accepts_nothing()
    {
        await StartAsync();
        await EnterAsync(NewFiles());

        // It is at the first line, which never comes, when the others call; eight of them wait in its queue.
        ReprException failure = await Assert.ThrowsAsync<ReprException>(async () =>
        {
            for (int connection = 0; connection < 200; connection++)
            {
                Socket socket = await _tool!.ConnectAsync(Cancellation);
                _sockets.Add(socket);
            }
        });

        Assert.Contains("connect to the tool", failure.Message, StringComparison.Ordinal);
        await _tool!.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
        _tool = null;
    }

    [Fact]
    public async Task Nothing_is_left_of_a_tool()
    {
        int processes = LauncherProcesses.CountOwn();
        string parent = Directory.CreateTempSubdirectory("repr-staging-").FullName;
        _tool = await ((IResidentProvider)_provider!).StartAsync(Directory.CreateDirectory(Path.Combine(parent, "tool")).FullName, 0, Perl, NewFiles(), Cancellation);
        await AwaitReadyAsync();
        for (int i = 0; i < 3; i++)
        {
            await using IResidentWorld world = await EnterAsync(NewFiles());
        }

        await _tool!.DisposeAsync();
        _tool = null;

        Assert.Empty(Directory.EnumerateFileSystemEntries(parent));
        Assert.DoesNotContain(await File.ReadAllLinesAsync("/proc/self/mountinfo", Cancellation), line => line.Contains(parent, StringComparison.Ordinal));
        for (int wait = 0; wait < 200 && LauncherProcesses.CountOwn() > processes; wait++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancellation);
        }

        Assert.InRange(LauncherProcesses.CountOwn(), 0, processes);
    }

    [Fact]
    public async Task The_sandbox_is_as_tight_as_that_of_an_action()
    {
        await StartAsync();
        await using IResidentWorld world = await EnterAsync(NewFiles());

        Assert.Equal(
            """
            1234 567
            root full null pts ptmx
            """,
            await EvaluateAsync("join(' ', $<, $( + 0) . qq(\\nroot ) . join(' ', grep { -e qq(/dev/$_) } qw(full null pts ptmx sda kmsg fuse))"));
        Assert.Equal("1", await EvaluateAsync("my $n = () = glob('/proc/[0-9]*'); $n <= 3 ? 1 : $n"));
        Assert.Equal("", await EvaluateAsync("qx(ls -A /dev/shm /run 2>/dev/null | grep -v : | tr -d '\\n')"));
        Assert.StartsWith("0000000000000000", await EvaluateAsync("qx(grep CapEff /proc/self/status | cut -f2)"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_of_the_source_is_told()
    {
        await StartAsync();
        MemoryFileSource files = NewFiles();
        files.BeforeAnswer = (path, _) => path.Name == "bad" ? throw new ReprException(ReprErrorCode.Refused, "No.") : ValueTask.CompletedTask;
        await using IResidentWorld world = await EnterAsync(files);

        await EvaluateAsync(Read("/src/bad"));

        ReprException failure = await Assert.ThrowsAsync<ReprException>(() => world.Failed.WaitAsync(Cancellation));
        Assert.Equal("No.", failure.Message);
    }

    [Fact]
    public async Task A_tool_that_ends_is_noticed()
    {
        await StartAsync();
        await using IResidentWorld world = await EnterAsync(NewFiles());

        await EvaluateAsync("print STDERR qq(bye\\n); exit 3");

        await _tool!.Ended.WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
        Assert.Equal("ready\nbye\n", _tool.LastText);
        await Assert.ThrowsAsync<ReprException>(async () => await _tool.ConnectAsync(Cancellation));
    }

    [Fact]
    public async Task A_tool_that_cannot_start_says_why()
    {
        ReprException failure = await Assert.ThrowsAsync<ReprException>(async () => await ((IResidentProvider)_provider!).StartAsync(
            NewStaging(), 0, Perl with { Arguments = ["/usr/bin/missing-perl"] }, NewFiles(), Cancellation));

        Assert.Contains("'/usr/bin/missing-perl' was not found", failure.Message, StringComparison.Ordinal);
    }

    private static string NewStaging() => Directory.CreateTempSubdirectory("repr-staging-").FullName;

    private static MemoryFileSource NewFiles() => new MemoryFileSource(new PassThroughFileSource(
        new[] { "/usr", "/bin", "/lib", "/lib64" }.Select(VirtualPath.Parse))).AddDirectory("/src");

    private static string Read(string path) => $"open(my $f, '<', '{path}') or die $!; local $/; <$f>";

    private async Task StartAsync()
    {
        _tool = await ((IResidentProvider)_provider!).StartAsync(NewStaging(), 0, Perl, NewFiles(), Cancellation);
        await AwaitReadyAsync();
    }

    private async Task AwaitReadyAsync()
    {
        while (!_tool!.LastText.Contains("ready", StringComparison.Ordinal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancellation);
        }
    }

    // The first world of all is like that of a command with a process of its own.
    private async Task<IResidentWorld> EnterLaterAsync(MemoryFileSource files, IEnumerable<string> read, params ObservedInput[] others)
    {
        Assert.SkipUnless(FuseKernel.OpensSilently, "This kernel opens no file without a message.");
        await using IResidentWorld first = await EnterAsync(NewFiles());
        return await _tool!.EnterAsync(
            Perl, files, [.. read.Select(static path => new ObservedInput(VirtualPath.Parse(path), ObservedKind.Read)), .. others], Cancellation);
    }

    private static async Task AwaitOpenedAsync(MemoryFileSource files, string path)
    {
        while (!files.Opened.ContainsKey(VirtualPath.Parse(path)))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancellation);
        }
    }

    // As a worker does it: when one action is done, what the next one needs is made.
    private ValueTask<IResidentWorld> EnterAsync(MemoryFileSource files)
    {
        if (_hasEntered)
        {
            _tool!.PrepareNext();
        }

        _hasEntered = true;
        return _tool!.EnterAsync(Perl, files, [], Cancellation);
    }

    private async Task<string> EvaluateAsync(string code)
    {
        using Socket socket = await _tool!.ConnectAsync(Cancellation);
        await using NetworkStream stream = new(socket, ownsSocket: false);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(code + "\n"), Cancellation);
        using StreamReader reader = new(stream);
        return await reader.ReadToEndAsync(Cancellation);
    }
}
