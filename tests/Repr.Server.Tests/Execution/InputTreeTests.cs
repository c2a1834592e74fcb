using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas;
using Repr.Server.Execution;
using Repr.Workspaces.Fuse;
using Repr.Workspaces.Windows;

namespace Repr.Server.Tests.Execution;

public sealed class InputTreeTests : IAsyncLifetime, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("repr-inputtree-").FullName;
    private readonly FakeRequester _requester = new();
    private readonly CancellationTokenSource _stopped = new();
    private DiskContentStore _store = null!;
    private IContentLease _lease = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await DiskContentStore.OpenAsync(
            new DiskContentStoreOptions { Path = _directory }, TimeProvider.System, NullLogger.Instance, Token);
        _lease = _store.Lease();
    }

    public async ValueTask DisposeAsync()
    {
        _lease.Dispose();
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
        Dispose();
    }

    public void Dispose() => _stopped.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_mapped_is_not_asked()
    {
        InputTree tree = Tree(
            new FileFact(P("/p/a.cs"), await PutAsync("a"), 1, 0x1A4, 5),
            new DirectoryFact(P("/p"), IsComplete: true, 0x1ED, 0),
            new SymlinkFact(P("/l"), "p"),
            new AbsentFact(P("/n")));

        Assert.Equal(FileKind.File, (await tree.FindAsync(P("/p/a.cs"), Token))!.Kind);
        Assert.Equal("p", (await tree.FindAsync(P("/l"), Token))!.LinkTarget);
        Assert.Null(await tree.FindAsync(P("/n"), Token));
        Assert.Null(await tree.FindAsync(P("/p/not-there"), Token));
        Assert.Equal(["a.cs"], (await tree.ListAsync(P("/p"), Token)).Select(entry => entry.Name));
        Assert.Equal("a", await ReadAsync(tree, "/p/a.cs"));
        Assert.Equal(0, tree.Questions);
    }

    [Fact]
    public async Task What_is_peeked_at_is_neither_asked_nor_observed()
    {
        InputTree tree = Tree(
            new DirectoryFact(P("/p"), IsComplete: true, 0x1ED, 0),
            new FileFact(P("/p/a.cs"), null, 1, 0x1A4, 5),
            new DirectoryFact(P("/p/open"), IsComplete: false, 0x1ED, 0),
            new AbsentFact(P("/n")));

        Assert.IsType<FileFact>(tree.Peek(P("/p/a.cs")));
        Assert.IsType<AbsentFact>(tree.Peek(P("/p/b.cs")));
        Assert.IsType<AbsentFact>(tree.Peek(P("/p/d/deep/er")));
        Assert.IsType<AbsentFact>(tree.Peek(P("/p/a.cs/in-a-file")));
        Assert.IsType<AbsentFact>(tree.Peek(P("/n/m")));
        Assert.IsType<AbsentFact>(tree.Peek(P("/tmp/private")));
        Assert.Null(tree.Peek(P("/p/open/x")));
        Assert.Null(tree.Peek(P("/elsewhere")));
        Assert.Null(tree.PeekContent((FileFact)tree.Peek(P("/p/a.cs"))!));
        Assert.Equal(["a.cs", "open"], tree.PeekListing((DirectoryFact)tree.Peek(P("/p"))!)!.Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.Null(tree.PeekListing((DirectoryFact)tree.Peek(P("/p/open"))!));
        Assert.Equal(0, tree.Questions);
        Assert.Empty(tree.Observed.ToList());

        await tree.FindAsync(P("/tmp/cc1234.o"), Token);
        await tree.FindAsync(P("/p/b.cs"), Token);
        Assert.Equal([new ObservedInput(P("/p/b.cs"), ObservedKind.Absent)], tree.Observed.ToList());
        Assert.Equal([new ObservedInput(P("/tmp"), ObservedKind.Listed)], tree.Observed.ToPrivateList());
    }

    [Fact]
    public async Task What_is_expected_is_foretold_as_far_as_it_is_known()
    {
        Digest a = await PutAsync("a");
        InputTree tree = Tree(
            new DirectoryFact(P("/p"), IsComplete: false, 0x1ED, 7),
            new DirectoryFact(P("/p/d"), IsComplete: true, 0x1ED, 8),
            new FileFact(P("/p/d/a"), a, 1, 0x1A4, 5),
            new FileFact(P("/p/d/unread"), a, 1, 0x1A4, 5),
            new FileFact(P("/p/d/new"), a, 1, 0x1A4, 5),
            new FileFact(P("/p/unsaid"), null, 1, 0x1A4, 5),
            new SymlinkFact(P("/p/link"), "d/a"),
            new FileFact(P("/far/away/a"), a, 1, 0x1A4, 5), // the way there is not known
            new FileFact(P("/tmp/private"), a, 1, 0x1A4, 5));
        tree.Expect("caller",
        [
            new(P("/p/d/a"), ObservedKind.Read), new(P("/p/d/no"), ObservedKind.Absent), new(P("/p/d/unread"), ObservedKind.Stated),
            new(P("/p/d/new"), ObservedKind.Absent), new(P("/p/unsaid"), ObservedKind.Read), new(P("/p/open"), ObservedKind.Absent),
            new(P("/p/link"), ObservedKind.Stated), new(P("/p/d"), ObservedKind.Listed), new(P("/far/away/a"), ObservedKind.Read),
            new(P("/tmp/private"), ObservedKind.Read), new(P("/p/d/gone"), ObservedKind.Read), new(P("/"), ObservedKind.Stated),
        ]);

        IReadOnlyList<ForetoldEntry> foretold = tree.Foretell();

        Assert.Equal(["/p", "/p/d", "/p/d/a", "/p/d/no", "/p/link", "/p/d/gone"], foretold.Select(entry => entry.Path.Text));
        Assert.Equal(
            [FileKind.Directory, FileKind.Directory, FileKind.File, null, FileKind.Symlink, null], foretold.Select(entry => entry.Entry?.Kind));
        Assert.Equal((a, 5, 8), (foretold[2].Content, foretold[2].Entry!.ModifiedNs, foretold[1].Entry!.ModifiedNs));
        Assert.Empty(tree.Observed.ToList());
        Assert.Equal(0, tree.Questions);
    }

    [Fact]
    public async Task What_was_shown_counts_as_looked_at_in_the_order_of_first_use()
    {
        InputTree tree = Tree(
            new DirectoryFact(P("/p"), IsComplete: true, 0x1ED, 7),
            new FileFact(P("/p/z"), await PutAsync("z"), 1, 0x1A4, 5),
            new FileFact(P("/p/b"), await PutAsync("b"), 1, 0x1A4, 5));
        tree.Expect("caller", [new(P("/p/z"), ObservedKind.Read), new(P("/p/no"), ObservedKind.Absent), new(P("/p/b"), ObservedKind.Read)]);
        Dictionary<VirtualPath, ForetoldEntry> shown = tree.Foretell().Where(entry => entry.Path != P("/p/b")).ToDictionary(entry => entry.Path);

        tree.NoteShown(shown);

        Assert.Equal(
            [new(P("/p"), ObservedKind.Stated), new(P("/p/z"), ObservedKind.Read), new(P("/p/no"), ObservedKind.Absent)], tree.Observed.ToList());
    }

    [Fact]
    public async Task What_is_not_mapped_is_asked_once_by_many_at_the_same_time()
    {
        _requester.Facts[P("/x")] = new FileFact(P("/x"), null, 3, 0x1A4, 0);
        InputTree tree = Tree();

        FileEntry?[] found = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => tree.FindAsync(P("/x"), Token).AsTask()));

        Assert.All(found, entry => Assert.Equal(3, entry!.SizeBytes));
        Assert.Equal(1, tree.Questions);
        Assert.Equal(["entry /x"], _requester.Asked);
    }

    [Fact]
    public async Task Content_without_a_digest_is_asked_when_it_is_opened()
    {
        Digest digest = await PutAsync("abc");
        _requester.Facts[P("/x")] = new FileFact(P("/x"), digest, 3, 0x1A4, 0);
        InputTree tree = Tree(new FileFact(P("/x"), null, 3, 0x1A4, 0));

        Assert.Equal("abc", await ReadAsync(tree, "/x"));
        Assert.Equal(["content /x"], _requester.Asked);
    }

    [Fact]
    public async Task A_lost_blob_is_asked_for_again()
    {
        Digest digest = Digest.Compute("abc"u8);
        _requester.Facts[P("/x")] = new FileFact(P("/x"), digest, 3, 0x1A4, 0);
        _requester.BeforeContent = () => PutAsync("abc");
        InputTree tree = Tree(new FileFact(P("/x"), digest, 3, 0x1A4, 0));

        Assert.Equal("abc", await ReadAsync(tree, "/x"));
    }

    [Fact]
    public async Task A_file_that_changed_meanwhile_is_no_input()
    {
        _requester.Facts[P("/x")] = new FileFact(P("/x"), await PutAsync("other"), 5, 0x1A4, 0);
        InputTree tree = Tree(new FileFact(P("/x"), null, 3, 0x1A4, 0));

        ReprException failure = await Assert.ThrowsAsync<ReprException>(async () => await tree.OpenAsync(P("/x"), Token));
        Assert.Equal(ReprErrorCode.InvalidInput, failure.Code);
    }

    [Fact]
    public async Task A_listing_does_not_change_what_is_known()
    {
        _requester.Facts[P("/d/old")] = new FileFact(P("/d/old"), null, 1, 0x1A4, 0);
        _requester.Facts[P("/d/out")] = new FileFact(P("/d/out"), null, 1, 0x1A4, 0);
        InputTree tree = Tree(
            new DirectoryFact(P("/d"), IsComplete: false, 0x1ED, 0),
            new FileFact(P("/d/virtual"), await PutAsync("v"), 1, 0x1A4, 0),
            new AbsentFact(P("/d/out")));

        IReadOnlyList<FileEntry> entries = await tree.ListAsync(P("/d"), Token);

        Assert.Equal(["old", "virtual"], entries.Select(entry => entry.Name).Order());
        Assert.Null(await tree.FindAsync(P("/d/out"), Token));
    }

    [Fact]
    public async Task Nobody_is_asked_about_the_workers_own_directories()
    {
        InputTree tree = Tree(
            new DirectoryFact(P("/tmp"), IsComplete: false, 0x3FF, 0),
            new DirectoryFact(P("/tmp/src"), IsComplete: true, 0x1ED, 0));

        Assert.Null(await tree.FindAsync(P("/tmp/other"), Token));
        Assert.Null(await tree.FindAsync(P("/sys/fs"), Token));
        Assert.Equal(["src"], (await tree.ListAsync(P("/tmp"), Token)).Select(entry => entry.Name));
        Assert.Equal(0, tree.Questions);
    }

    [Fact]
    public void A_path_that_is_mapped_twice_is_an_error()
    {
        ReprException failure = Assert.Throws<ReprException>(() => Tree(new AbsentFact(P("/a")), new AbsentFact(P("/a"))));

        Assert.Equal(ReprErrorCode.InvalidRequest, failure.Code);
        Assert.Contains("'/a' twice", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listing_with_a_foreign_path_is_refused()
    {
        _requester.Listing = [new AbsentFact(P("/etc/shadow"))];
        InputTree tree = Tree(new DirectoryFact(P("/d"), IsComplete: false, 0x1ED, 0));

        ReprException failure = await Assert.ThrowsAsync<ReprException>(async () => await tree.ListAsync(P("/d"), Token));
        Assert.Equal(ReprErrorCode.InvalidRequest, failure.Code);
    }

    [Fact]
    public async Task Uses_are_noted_in_order_with_the_strongest_kind()
    {
        InputTree tree = Tree(
            new FileFact(P("/a"), await PutAsync("a"), 1, 0x1A4, 5), new DirectoryFact(P("/d"), IsComplete: true, 0x1ED, 0));

        await tree.FindAsync(P("/d"), Token);
        await tree.FindAsync(P("/a"), Token);
        await ReadAsync(tree, "/a");
        await tree.FindAsync(P("/a"), Token);
        await tree.FindAsync(P("/d/no"), Token);
        await tree.ListAsync(P("/d"), Token);

        Assert.Equal(
            [
                new ObservedInput(P("/d"), ObservedKind.Listed),
                new ObservedInput(P("/a"), ObservedKind.Read),
                new ObservedInput(P("/d/no"), ObservedKind.Absent),
            ],
            tree.Observed.ToList());
    }

    [Fact]
    public async Task A_link_is_as_long_as_its_target_in_bytes()
    {
        InputTree tree = Tree(new SymlinkFact(P("/l"), "bibliothèque"));

        Assert.Equal(13, (await tree.FindAsync(P("/l"), Token))!.SizeBytes);
    }

    [Fact]
    public async Task Two_views_of_an_action_ask_once_and_note_each_for_itself()
    {
        Digest content = await PutAsync("abc");
        _requester.Facts[P("/d")] = new DirectoryFact(P("/d"), IsComplete: false, 0x1ED, 0);
        _requester.Facts[P("/d/a")] = new FileFact(P("/d/a"), content, 3, 0x1A4, 5);
        InputTree first = Tree(new FileFact(P("/known"), content, 3, 0x1A4, 5), new FileFact(P("/unknown"), null, 3, 0x1A4, 5));
        InputTree second = new(first, timesFromContent: true);

        FileEntry? one = await first.FindAsync(P("/d/a"), Token);
        FileEntry? other = await second.FindAsync(P("/d/a"), Token);
        FileEntry own = Assert.Single(await first.ListAsync(P("/d"), Token));
        FileEntry shared = Assert.Single(await second.ListAsync(P("/d"), Token));
        await second.FindAsync(P("/unknown"), Token);

        Assert.Equal(["entry /d/a", "entry /d", "listing /d"], _requester.Asked);
        Assert.Equal((3, 0), (first.Questions, second.Questions));
        Assert.Equal((5, 5), (one!.ModifiedNs, own.ModifiedNs));
        Assert.Equal(ContentTime.Of(content), other!.ModifiedNs);
        Assert.Equal(other.ModifiedNs, shared.ModifiedNs);
        Assert.Equal(
            [
                new ObservedInput(P("/d/a"), ObservedKind.Read), // whoever sees that time knows the content
                new ObservedInput(P("/d"), ObservedKind.Listed),
                new ObservedInput(P("/unknown"), ObservedKind.Stated),
            ],
            second.Observed.ToList());
        Assert.Equal([ObservedKind.Stated, ObservedKind.Listed], first.Observed.ToList().Select(input => input.Kind));
    }

    private static VirtualPath P(string text) => VirtualPath.Parse(text);

    private static async Task<string> ReadAsync(InputTree tree, string path)
    {
        using FileStream stream = new(await tree.OpenAsync(P(path), Token), FileAccess.Read);
        using StreamReader reader = new(stream);
        return await reader.ReadToEndAsync(Token);
    }

    [Fact]
    public async Task In_an_actions_directory_of_temporary_files_is_what_is_mapped_and_nothing_else()
    {
        Digest digest = await PutAsync("/nologo");
        _requester.Facts[P("/C:/Users/ana/Temp/other.rsp")] = new FileFact(P("/C:/Users/ana/Temp/other.rsp"), null, 3, 0x1A4, 0);
        InputTree tree = new(
            [
                new FileFact(P("/C:/Users/ana/Temp/csc.rsp"), digest, 7, 0x1A4, 5),
                new FileFact(P("/C:/Users/ana/Temp/MSBuild/exec.cmd"), digest, 7, 0x1A4, 5),
            ],
            _store, _lease, _requester, [P("/C:/Users/ana/Temp")], _stopped.Token);

        Assert.Equal(FileKind.File, (await tree.FindAsync(P("/C:/users/ANA/temp/CSC.rsp"), Token))!.Kind);
        Assert.Equal(FileKind.Directory, (await tree.FindAsync(P("/C:/Users/ana/Temp/MSBuild"), Token))!.Kind);
        Assert.Equal(FileKind.File, (await tree.FindAsync(P("/C:/Users/ana/Temp/MSBuild/exec.cmd"), Token))!.Kind);
        Assert.Null(await tree.FindAsync(P("/C:/Users/ana/Temp/other.rsp"), Token));
        Assert.Null(await tree.FindAsync(P("/C:/Users/ana/Temp/a/b/c.tmp"), Token));
        Assert.Equal(
            ["MSBuild", "csc.rsp"],
            (await tree.ListAsync(P("/C:/Users/ana/Temp"), Token)).Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.Equal("/nologo", await ReadAsync(tree, "/C:/Users/ana/Temp/csc.rsp"));
        Assert.Equal(0, tree.Questions);
    }

    [Fact]
    public async Task A_directory_of_temporary_files_is_there_where_the_requester_has_none()
    {
        _requester.Facts[P("/C:")] = new DirectoryFact(P("/C:"), IsComplete: false, 0x1ED, 0);
        _requester.Facts[P("/C:/src")] = new DirectoryFact(P("/C:/src"), IsComplete: false, 0x1ED, 0);
        InputTree asked = new([], _store, _lease, _requester, [P("/C:/Users/ana/Temp")], _stopped.Token);
        InputTree mapped = new(
            [new DirectoryFact(P("/C:"), IsComplete: true, 0x1ED, 0), new AbsentFact(P("/C:/Users"))],
            _store, _lease, _requester, [P("/C:/Users/ana/Temp")], _stopped.Token);

        foreach (InputTree tree in new[] { asked, mapped })
        {
            foreach (string path in new[] { "/C:", "/C:/Users", "/C:/Users/ana", "/C:/Users/ana/Temp" })
            {
                Assert.Equal(FileKind.Directory, (await tree.FindAsync(P(path), Token))!.Kind);
            }

            Assert.Equal(["ana"], (await tree.ListAsync(P("/C:/Users"), Token)).Select(entry => entry.Name));
            Assert.Equal(["Temp"], (await tree.ListAsync(P("/C:/Users/ana"), Token)).Select(entry => entry.Name));
            Assert.Empty(await tree.ListAsync(P("/C:/Users/ana/Temp"), Token));
        }

        Assert.Equal(["Users", "src"], (await asked.ListAsync(P("/C:"), Token)).Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.Equal(0, mapped.Questions);
    }

    [Fact]
    public async Task What_was_asked_at_once_is_not_asked_again_and_changes_nothing_that_was_known()
    {
        InputTree tree = Tree(
            new DirectoryFact(P("/p"), IsComplete: true, 0x1ED, 0),
            new FileFact(P("/p/known"), await PutAsync("known"), 5, 0x1A4, 5),
            new FileFact(P("/q/large"), null, 5, 0x1A4, 5),
            new AbsentFact(P("/q/out")));
        _requester.Many =
        [
            new FileFact(P("/p/known"), await PutAsync("other"), 5, 0x1A4, 6), // not what the action said
            new FileFact(P("/p/new"), await PutAsync("new"), 3, 0x1A4, 6), // the action said that there is nothing
            new DirectoryFact(P("/q"), IsComplete: true, 0x1ED, 0),
            new FileFact(P("/q/a"), await PutAsync("a"), 1, 0x1A4, 6),
            new FileFact(P("/q/large"), await PutAsync("large"), 5, 0x1A4, 5),
            new FileFact(P("/q/out"), await PutAsync("out"), 3, 0x1A4, 6),
            new AbsentFact(P("/q/nothing")),
        ];
        ObservedInput[] inputs =
        [
            new(P("/q"), ObservedKind.Listed), new(P("/q/a"), ObservedKind.Read), new(P("/q/large"), ObservedKind.Read),
            new(P("/q/nothing"), ObservedKind.Absent), new(P("/q/unsaid"), ObservedKind.Read),
        ];
        Assert.DoesNotContain(inputs, tree.Knows);

        await tree.LookAtManyAsync(inputs, Token);

        Assert.Equal(["/q/unsaid"], inputs.Where(input => !tree.Knows(input)).Select(static input => input.Path.Text));
        Assert.Equal("known", await ReadAsync(tree, "/p/known"));
        Assert.Null(await tree.FindAsync(P("/p/new"), Token));
        Assert.Equal("a", await ReadAsync(tree, "/q/a"));
        Assert.Equal("large", await ReadAsync(tree, "/q/large"));
        Assert.Null(await tree.FindAsync(P("/q/nothing"), Token));
        Assert.Null(await tree.FindAsync(P("/q/out"), Token));
        Assert.Equal(["a", "large"], (await tree.ListAsync(P("/q"), Token)).Select(static entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.Equal(1, tree.Questions);
        Assert.Single(_requester.Asked);

        await tree.FindAsync(P("/q/unsaid"), Token);
        Assert.Equal(["many /q /q/a /q/large /q/nothing /q/unsaid", "entry /q/unsaid"], _requester.Asked);
    }

    [Fact]
    public void Only_a_command_of_Windows_has_directories_of_temporary_files()
    {
        static IReadOnlyList<VirtualPath> Of(string program, params (string Name, string Value)[] variables) => TemporaryDirectories.Of(new Command
        {
            Arguments = [program],
            WorkingDirectory = P("/"),
            Environment = variables.ToDictionary(variable => variable.Name, variable => variable.Value),
            OutputRoots = [],
        });

        Assert.Equal([P("/C:/a"), P("/D:/b")], Of("/C:/cl.exe", ("Tmp", @"c:\a\"), ("temp", "D:/b")));
        Assert.Equal([P("/C:/Temp")], Of("/C:/cl.exe"));
        Assert.Empty(Of("/usr/bin/cc", ("TMP", "/elsewhere")));
    }

    private InputTree Tree(params InputFact[] mapping) => new(mapping, _store, _lease, _requester, [], _stopped.Token);

    private async Task<Digest> PutAsync(string text)
    {
        byte[] content = Encoding.UTF8.GetBytes(text);
        Digest digest = Digest.Compute(content);
        using MemoryStream stream = new(content);
        await _store.PutAsync(digest, stream, Token);
        return digest;
    }

    private sealed class FakeRequester : IRequesterFiles
    {
        public Dictionary<VirtualPath, InputFact> Facts { get; } = [];

        public ConcurrentQueue<string> Asked { get; } = new();

        public IReadOnlyList<InputFact>? Listing { get; set; }

        public Func<Task>? BeforeContent { get; set; }

        public IReadOnlyList<InputFact>? Many { get; set; }

        public bool AnswersMany => Many is not null;

        public Task<IReadOnlyList<InputFact>> AskManyAsync(IReadOnlyCollection<ObservedInput> inputs, CancellationToken cancellationToken)
        {
            Asked.Enqueue($"many {string.Join(' ', inputs.Select(static input => input.Path))}");
            return Task.FromResult(Many!);
        }

        public async Task<InputFact> AskEntryAsync(VirtualPath path, CancellationToken cancellationToken)
        {
            Asked.Enqueue($"entry {path}");
            await Task.Yield();
            return Facts.GetValueOrDefault(path) ?? new AbsentFact(path);
        }

        public Task<IReadOnlyList<InputFact>> AskListingAsync(VirtualPath directory, CancellationToken cancellationToken)
        {
            Asked.Enqueue($"listing {directory}");
            return Task.FromResult(
                Listing ?? [.. Facts.Values.Where(fact => fact.Path.Parent == directory && fact.Path != directory)]);
        }

        public async Task<FileFact> AskContentAsync(VirtualPath file, CancellationToken cancellationToken)
        {
            Asked.Enqueue($"content {file}");
            await (BeforeContent?.Invoke() ?? Task.CompletedTask);
            return (FileFact)Facts[file];
        }
    }
}
