using System.Text;
using Repr.Server.Tests.Sessions;

namespace Repr.Server.Tests.Results;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>Known results of real commands in real sandboxes. The clock in what a command says tells whether it ran.</summary>
public sealed class ResultCacheTests(WorkerFixture worker) : IClassFixture<WorkerFixture>, IDisposable
{
    private readonly CacheProject _project = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _project.Dispose();

    [Fact]
    public async Task A_known_result_is_given_without_a_run()
    {
        await using TestRequester requester = await ConnectAsync();
        _project.Write("a", "content");
        const string Script = "echo first; echo second >&2; date +%s.%N; mkdir -p d; cat a >d/out; chmod 750 d/out; ln -s out d/link";

        Completed ran = await requester.ExecuteAsync(_project.Shell(Script));
        string said = requester.TextOf(Text.Types.Stream.Stdout);
        Text[] texts = [.. requester.Texts];
        requester.Texts.Clear();
        Completed known = await requester.ExecuteAsync(_project.Shell(Script));

        Assert.Null(ran.Cached);
        Assert.Equal((true, false), (ran.IsKnown, known.IsKnown));
        Assert.Equal("no run of this command is known", ran.CacheMiss);
        Assert.NotNull(known.Cached);
        Assert.Empty(known.CacheMiss);
        Assert.Equal(ran.Timings.ToolMs, known.Cached.ToolMs);
        Assert.Equal(0, known.Timings.ToolMs);
        Assert.Equal(0, known.Exit.Code);
        Assert.Equal(ran.Outputs, known.Outputs);
        Assert.Equal("content", Encoding.UTF8.GetString(await requester.DownloadAsync(OutputOf(known, "d/out").File.Digest)));
        Assert.Equal(said, requester.TextOf(Text.Types.Stream.Stdout));
        Assert.Equal(texts.Select(text => (text.Stream, text.Data)), requester.Texts.Select(text => (text.Stream, text.Data)));
        Assert.Equal(
            ran.ObservedInputs.OrderBy(input => input.Path, StringComparer.Ordinal), known.ObservedInputs.OrderBy(input => input.Path, StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_was_read_decides_and_times_do_not()
    {
        await using TestRequester requester = await ConnectAsync();
        string path = _project.Write("a", "1");
        _project.Write("other", "1");
        const string Script = "cat a >out";
        Assert.Equal("1", await RunAsync(requester, Script, isKnown: false));

        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-1));
        _project.Write("other", "2");
        Assert.Equal("1", await RunAsync(requester, Script, isKnown: true));

        _project.Write("a", "2");
        Assert.Equal("2", await RunAsync(requester, Script, isKnown: false, $"'{path}' has changed"));
        _project.Write("a", "1");
        Assert.Equal("1", await RunAsync(requester, Script, isKnown: true));
        _project.Write("a", "2");
        Assert.Equal("2", await RunAsync(requester, Script, isKnown: true));
    }

    [Fact]
    public async Task A_file_that_was_looked_for_and_appears_is_a_miss()
    {
        await using TestRequester requester = await ConnectAsync();
        _project.Write("second/x.h", "second");
        Directory.CreateDirectory(_project.PathOf("first"));
        const string Script = "if [ -e first/x.h ]; then cat first/x.h; else cat second/x.h; fi >out";
        Assert.Equal("second", await RunAsync(requester, Script, isKnown: false));
        Assert.Equal("second", await RunAsync(requester, Script, isKnown: true));

        string appeared = _project.Write("first/x.h", "first");
        Assert.Equal("first", await RunAsync(requester, Script, isKnown: false, $"'{appeared}' is there now"));
        File.Delete(appeared);
        Assert.Equal("second", await RunAsync(requester, Script, isKnown: true));
        Directory.Delete(_project.PathOf("first"));
        Assert.Equal("second", await RunAsync(requester, Script, isKnown: false));
    }

    [Fact]
    public async Task A_file_that_appears_in_a_listed_directory_is_a_miss()
    {
        await using TestRequester requester = await ConnectAsync();
        _project.Write("d/a", "");
        const string Script = "ls d >out";
        Assert.Equal("a\n", await RunAsync(requester, Script, isKnown: false));
        Assert.Equal("a\n", await RunAsync(requester, Script, isKnown: true));

        string appeared = _project.Write("d/b", "");
        Assert.Equal("a\nb\n", await RunAsync(requester, Script, isKnown: false, $"what is in '{_project.PathOf("d")}' is something else"));
        File.Delete(appeared);
        Assert.Equal("a\n", await RunAsync(requester, Script, isKnown: true));

        // The kernel gets lengths and modes together with the names, and a tool may look at them without a further question.
        const string Sizes = "ls -l d | wc -c >out; stat -c %s d/a >>out";
        string before = await RunAsync(requester, Sizes, isKnown: false);
        _project.Write("d/a", "longer");
        Assert.NotEqual(before, await RunAsync(requester, Sizes, isKnown: false));
    }

    [Fact]
    public async Task Modes_links_and_kinds_decide()
    {
        await using TestRequester requester = await ConnectAsync();
        string tool = _project.Write("tool", "#!/bin/sh\n");
        _project.Write("one", "1");
        _project.Write("two", "2");
        File.CreateSymbolicLink(_project.PathOf("link"), "one");
        const string Mode = "if [ -x tool ]; then echo yes; else echo no; fi >out";
        const string Link = "cat link >out";
        Assert.Equal("no\n", await RunAsync(requester, Mode, isKnown: false));
        Assert.Equal("1", await RunAsync(requester, Link, isKnown: false));

        File.SetUnixFileMode(tool, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.Delete(_project.PathOf("link"));
        File.CreateSymbolicLink(_project.PathOf("link"), "two");
        Assert.Equal("yes\n", await RunAsync(requester, Mode, isKnown: false));
        Assert.Equal("2", await RunAsync(requester, Link, isKnown: false));

        File.Delete(_project.PathOf("link"));
        _project.Write("link", "a file");
        Assert.Equal("a file", await RunAsync(requester, Link, isKnown: false));
        File.Delete(_project.PathOf("link"));
        File.CreateSymbolicLink(_project.PathOf("link"), "one");
        Assert.Equal("1", await RunAsync(requester, Link, isKnown: true));
    }

    [Fact]
    public async Task A_result_whose_content_is_gone_is_none()
    {
        await using TestRequester requester = await ConnectAsync();
        _project.Write("a", "content to lose");
        const string Script = "cat a a >out; echo said";
        await RunAsync(requester, Script, isKnown: false);
        string lost = Digest("content to losecontent to lose");
        File.Delete(Assert.Single(Directory.EnumerateFiles(Path.Combine(worker.Data, "cas"), lost, SearchOption.AllDirectories)));

        Assert.Equal("content to losecontent to lose", await RunAsync(requester, Script, isKnown: false, "1 of the 2 blobs"));
        Assert.Equal("content to losecontent to lose", await RunAsync(requester, Script, isKnown: true));
    }

    [Fact]
    public async Task A_damaged_index_knows_nothing()
    {
        await using TestRequester requester = await ConnectAsync();
        _project.Write("a", "content");
        const string Script = "cat a >out; echo damaged";
        await RunAsync(requester, Script, isKnown: false);
        Random random = new(7);
        foreach (string file in Directory.GetFiles(Path.Combine(worker.Data, "results")).Where(static file => !file.EndsWith(".tmp", StringComparison.Ordinal)))
        {
            byte[] bytes = await File.ReadAllBytesAsync(file, Token);
            if (random.Next(2) == 0)
            {
                bytes[random.Next(bytes.Length)] ^= 0x10;
                await File.WriteAllBytesAsync(file, bytes, Token);
            }
            else
            {
                await File.WriteAllBytesAsync(file, bytes[..(bytes.Length / 2)], Token);
            }
        }

        Assert.Equal("content", await RunAsync(requester, Script, isKnown: false, "no run of this command is known"));
        Assert.Equal("content", await RunAsync(requester, Script, isKnown: true));
    }

    [Fact]
    public async Task Results_survive_the_worker()
    {
        _project.Write("a", "content");
        const string Script = "cat a >out; echo survives";
        await using (TestRequester requester = await ConnectAsync())
        {
            await RunAsync(requester, Script, isKnown: false);
        }

        await worker.RestartAsync();

        await using (TestRequester requester = await ConnectAsync())
        {
            Assert.Equal("content", await RunAsync(requester, Script, isKnown: true));
        }
    }

    [Fact]
    public async Task A_command_that_is_not_repeatable_is_named_and_not_kept()
    {
        await using TestRequester requester = await ConnectAsync();
        const string Script = "date +%s.%N >out; echo same";
        Assert.Empty((await requester.ExecuteAsync(_project.Shell(Script, CacheMode.Verify))).NotRepeatable);

        Completed second = await requester.ExecuteAsync(_project.Shell(Script, CacheMode.Verify));

        Assert.Null(second.Cached);
        Assert.Equal([_project.PathOf("out")], second.NotRepeatable);
        Assert.False(second.IsKnown);
        for (int i = 0; i < 2; i++)
        {
            Completed later = await requester.ExecuteAsync(_project.Shell(Script));
            Assert.Null(later.Cached);
            Assert.Contains("left something else each time", later.CacheMiss, StringComparison.Ordinal);
            Assert.Empty(later.NotRepeatable);
        }
    }

    [Fact]
    public async Task Two_runs_at_the_same_time_are_compared_too()
    {
        await using TestRequester requester = await ConnectAsync();
        const string Script = "date +%s.%N >out; sleep 1";

        Completed[] both = await Task.WhenAll(
            requester.ExecuteAsync(_project.Shell(Script)), requester.ExecuteAsync(_project.Shell(Script)));

        Assert.Single(both, completed => completed.NotRepeatable.Count > 0);
    }

    [Fact]
    public async Task A_repeatable_command_passes_verification_and_runs_each_time()
    {
        await using TestRequester requester = await ConnectAsync();
        _project.Write("a", "content");
        for (int i = 0; i < 3; i++)
        {
            Completed completed = await requester.ExecuteAsync(_project.Shell("cat a >out; echo verified", CacheMode.Verify));
            Assert.Null(completed.Cached);
            Assert.Empty(completed.NotRepeatable);
        }

        Assert.Equal("content", await RunAsync(requester, "cat a >out; echo verified", isKnown: true));
    }

    [Theory]
    [InlineData("echo it >out; exit 3")]
    [InlineData("echo it >out; kill -TERM $$")]
    [InlineData("echo it >out; echo elsewhere >/var/elsewhere")]
    [InlineData("echo it >out; head -c 2000000 /dev/zero")]
    public async Task What_did_not_go_well_is_not_kept(string script)
    {
        await using TestRequester requester = await ConnectAsync();
        for (int i = 0; i < 2; i++)
        {
            Completed completed = await requester.ExecuteAsync(_project.Shell(script));
            Assert.Equal(Completed.OutcomeOneofCase.Exit, completed.OutcomeCase);
            Assert.Null(completed.Cached);
            Assert.False(completed.IsKnown);
        }
    }

    [Fact]
    public async Task Modes_say_what_is_taken_and_kept()
    {
        await using TestRequester requester = await ConnectAsync();
        const string Script = "echo modes >out";
        foreach (CacheMode mode in new[] { CacheMode.Read, CacheMode.Off, CacheMode.Unspecified, CacheMode.Read, CacheMode.ReadWrite })
        {
            Completed ran = await requester.ExecuteAsync(_project.Shell(Script, mode));
            Assert.Null(ran.Cached);
            Assert.Equal(mode == CacheMode.ReadWrite, ran.IsKnown);
        }

        Assert.NotNull((await requester.ExecuteAsync(_project.Shell(Script, CacheMode.Read))).Cached);
        Assert.Null((await requester.ExecuteAsync(_project.Shell(Script, CacheMode.Off))).Cached);
        Execute withInput = _project.Shell(Script);
        withInput.Command.TakesInput = true;
        Task<Completed> completed = requester.ExecuteAsync(withInput);
        await requester.SendAsync(new RequesterMessage { ActionInput = new ActionInput { ActionId = withInput.ActionId, Input = new ToolInput { End = true } } });
        Assert.Null((await completed).Cached);
    }

    [Fact]
    public async Task The_command_and_its_place_decide()
    {
        await using TestRequester requester = await ConnectAsync();
        using CacheProject elsewhere = new();
        const string Script = "echo $NAME; pwd >out";
        Assert.Null((await requester.ExecuteAsync(_project.Shell(Script))).Cached);
        Execute named = _project.Shell(Script);
        named.Command.Environment["NAME"] = "value";
        Assert.Null((await requester.ExecuteAsync(named)).Cached);
        Execute masked = _project.Shell(Script);
        masked.Command.Umask = 0x3F;
        Assert.Null((await requester.ExecuteAsync(masked)).Cached);

        Execute there = elsewhere.Shell(Script);
        there.ActionId = 1000;
        Completed other = await requester.ExecuteAsync(there);
        Assert.Null(other.Cached);
        Assert.Equal(elsewhere.Directory + "\n", Encoding.UTF8.GetString(await requester.DownloadAsync(Assert.Single(other.Outputs).File.Digest)));
        Assert.NotNull((await requester.ExecuteAsync(_project.Shell(Script))).Cached);
    }

    [Theory]
    [InlineData("clock.c", 0)]
    [InlineData("csc.c", 0)] // a name of a compiler, and none
    [InlineData("clock.c", 5_000_000)]
    [InlineData("clock.c", (1 << 20) - 22)] // across two blocks
    public async Task What_is_compiled_from_the_time_is_not_kept(string name, int before)
    {
        await using TestRequester requester = await ConnectAsync();
        _project.Write("clock.h", new string('\n', before) + "const char* when = __TIME__;\n");
        _project.Write(name, "#include \"clock.h\"\n");
        string[] compile = ["/usr/bin/gcc", "-c", name, "-o", "clock.o"];
        for (int i = 0; i < 2; i++)
        {
            Completed completed = await requester.ExecuteAsync(_project.Command(compile));
            Assert.Equal(0, completed.Exit.Code);
            Assert.Null(completed.Cached);
            Assert.Empty(completed.NotRepeatable);
        }

        for (int i = 0; i < 2; i++)
        {
            Execute execute = _project.Command(compile);
            execute.Command.Environment["SOURCE_DATE_EPOCH"] = "0";
            Assert.Equal(i == 1, (await requester.ExecuteAsync(execute)).Cached is not null);
        }
    }

    private static string Digest(string content) => Repr.Digest.Compute(Encoding.UTF8.GetBytes(content)).HashText;

    private Output OutputOf(Completed completed, string name) => Assert.Single(completed.Outputs, output => output.Path == _project.PathOf(name));

    private async Task<TestRequester> ConnectAsync()
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        return await TestRequester.ConnectAsync(worker.Address);
    }

    private async Task<string> RunAsync(TestRequester requester, string script, bool isKnown, string miss = "")
    {
        Completed completed = await requester.ExecuteAsync(_project.Shell(script));
        Assert.True(completed.Failure is null, completed.Failure?.Message);
        Assert.True((completed.Cached is not null) == isKnown, completed.CacheMiss);
        Assert.Contains(miss, completed.CacheMiss, StringComparison.Ordinal);
        Assert.Empty(completed.NotRepeatable);
        return Encoding.UTF8.GetString(await requester.DownloadAsync(OutputOf(completed, "out").File.Digest));
    }
}
