using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas;
using Repr.Protocol.V1;
using Repr.Server.Execution;
using Repr.Server.Results.Shared;
using CoreCommand = Repr.Command;
using CoreDirectoryFact = Repr.DirectoryFact;
using CoreFileFact = Repr.FileFact;
using CoreInputFact = Repr.InputFact;
using CoreObservedInput = Repr.ObservedInput;

namespace Repr.Server.Tests.Results;

/// <summary>What is asked ahead of one requester, from what runs of others looked at: and no name of theirs.</summary>
public sealed class LikelyPathsTests : IAsyncLifetime
{
    private static readonly string[] s_observed =
    [
        "/home/ana/app/src/main.c", "/home/ana/app/src/secret-project.h", "/usr/include/stdio.h", "/usr/local/include/internal.h",
        "/home/ana/notes.txt", "/home/ana/.packages/zlib/zlib.h", "/home/ana/.packages/bigcorp/bigcorp.h", "/opt/cc/lib/specs", "/home/ana/app/obj/main.o", "/home/tools/bin/as", "/home/tools", "/home/tools/secret",
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("repr-likely-").FullName;
    private DiskContentStore _store = null!;

    public async ValueTask InitializeAsync() => _store = await DiskContentStore.OpenAsync(
        new DiskContentStoreOptions { Path = _directory }, TimeProvider.System, NullLogger.Instance, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task The_same_command_in_another_checkout_is_asked_about_its_own_files_and_the_tools()
    {
        (CoreCommand ana, CommandShape ofAna, _) = await CommandAsync("/home/ana/app");
        Knowledge known = Learned(ana, ofAna, ofTool: false);
        (CoreCommand bob, CommandShape ofBob, ActionRequest request) = await CommandAsync("/work/bob/checkout");
        Assert.Equal(ofAna.Name, ofBob.Name);

        using IContentLease lease = _store.Lease();
        InputTree files = Tree(
            request, lease,
            new CoreDirectoryFact(P("/home"), false, 0x1ED, 0),
            new CoreDirectoryFact(P("/home/ana"), false, 0x1ED, 0),
            new CoreFileFact(P("/home/ana/.packages/zlib/zconf.h"), null, 1, 0x1A4, 0));

        // No secret: its directory is only on the way to what is on the PATH. No notes.txt: a directory on the way is not named. No bigcorp: bob has named nothing of it.
        Assert.Equal(
            ["/work/bob/checkout/src/main.c", "/work/bob/checkout/src/secret-project.h", "/usr/include/stdio.h", "/home/ana/.packages/zlib/zlib.h", "/opt/cc/lib/specs", "/work/bob/checkout/obj/main.o",
                "/home/tools/bin/as", "/home/tools"],
            LikelyPaths.Choose(known, null, ofBob, bob, files).Select(static input => input.Path.Text));
    }

    [Fact]
    public async Task Another_command_of_the_tool_is_asked_about_the_systems_files_and_the_tools_alone()
    {
        (CoreCommand ana, CommandShape ofAna, _) = await CommandAsync("/home/ana/app");
        Knowledge known = Learned(ana, ofAna, ofTool: true);
        Assert.Equal(["/usr/include/stdio.h", "/opt/cc/lib/specs"], known.Likely.Select(static input => input.Path));
        (CoreCommand bob, CommandShape ofBob, ActionRequest request) = await CommandAsync("/work/bob/checkout", source: "other.c");
        Assert.NotEqual(ofAna.Name, ofBob.Name);
        Assert.Equal(ofAna.Tool, ofBob.Tool);

        using IContentLease lease = _store.Lease();
        Assert.Equal(
            ["/usr/include/stdio.h", "/opt/cc/lib/specs"],
            LikelyPaths.Choose(null, known, ofBob, bob, Tree(request, lease)).Select(static input => input.Path.Text));
    }

    [Fact]
    public async Task What_is_known_is_not_asked_and_one_path_is_not_worth_it()
    {
        (CoreCommand ana, CommandShape shape, ActionRequest request) = await CommandAsync("/home/ana/app");
        Knowledge known = Learned(ana, shape, ofTool: true);
        using IContentLease lease = _store.Lease();

        Assert.Empty(LikelyPaths.Choose(
            null, known, shape, ana, Tree(request, lease, new CoreFileFact(P("/usr/include/stdio.h"), Repr.Digest.Empty, 0, 0x1A4, 0))));

        // What only few runs looked at is left to chance.
        known.Runs = 5;
        Assert.Empty(LikelyPaths.Choose(null, known, shape, ana, Tree(request, lease)));
    }

    [Fact]
    public async Task The_question_is_bounded()
    {
        (CoreCommand command, CommandShape shape, ActionRequest request) = await CommandAsync("/home/ana/app");
        Knowledge known = new() { Runs = 1 };
        known.Likely.AddRange(Enumerable.Range(0, 5000).Select(static index => new LikelyInput
        {
            Path = $"/usr/include/{index}.h",
            Kind = Protocol.V1.ObservedInput.Types.Kind.Read,
            Runs = 1,
        }));
        using IContentLease lease = _store.Lease();

        Assert.Equal(LikelyPaths.Maximum, LikelyPaths.Choose(known, null, shape, command, Tree(request, lease)).Count);
    }

    [Theory]
    [InlineData("-I/a/b/inc", "-I\u0001/inc")]
    [InlineData("/a/b", "\u0001")]
    [InlineData("x=/a/b;/a/b/c", "x=\u0001;\u0001/c")]
    [InlineData("/a/bc", "/a/bc")]
    [InlineData("\"/a/b\"", "\"\u0001\"")]
    [InlineData("/a/b-2/x", "/a/b-2/x")]
    public void The_place_of_the_sources_is_taken_out_where_it_is_a_whole_path(string text, string expected) =>
        Assert.Equal(expected, CommandShape.WithoutPlace(text, P("/a/b")));

    [Fact]
    public void The_sources_are_in_the_outermost_root_that_holds_the_working_directory()
    {
        Assert.Equal(P("/s"), CommandShape.FindSources(P("/s/a/b"), [P("/usr"), P("/s/a"), P("/s"), P("/")]));
        Assert.Equal(P("/s/a"), CommandShape.FindSources(P("/s/a"), [P("/t")]));
    }

    private static VirtualPath P(string path) => VirtualPath.Parse(path);

    private static Knowledge Learned(CoreCommand command, CommandShape shape, bool ofTool)
    {
        Knowledge told = new();
        told.Likely.AddRange(LikelyPaths.Learn(s_observed.Select(static path => new CoreObservedInput(P(path), ObservedKind.Read)), shape, command, ofTool));
        return KnowledgeMerge.Merge(null, told, DateTimeOffset.UnixEpoch).Known;
    }

    // As a compiler's task makes it: what it compiles is in a response file that exists nowhere else.
    private async Task<(CoreCommand Command, CommandShape Shape, ActionRequest Request)> CommandAsync(string checkout, string source = "main.c")
    {
        CoreCommand command = new()
        {
            Arguments = ["/opt/cc/cc", $"@{checkout}/obj/flags.rsp", "-c", $"src/{source}"],
            WorkingDirectory = P(checkout),
            Environment = new Dictionary<string, string> { ["PATH"] = "/home/tools/bin:/usr/bin" },
            OutputRoots = [P(checkout + "/obj/main.o")],
        };
        byte[] flags = Encoding.UTF8.GetBytes($"-I{checkout}/include \"{checkout}/src\"\n");
        Repr.Digest digest = Repr.Digest.Compute(flags);
        using MemoryStream content = new(flags);
        await _store.PutAsync(digest, content, TestContext.Current.CancellationToken);
        CoreInputFact[] inputs = [new CoreFileFact(P(checkout + "/obj/flags.rsp"), digest, flags.Length, 0x1A4, 0)];
        ActionRequest request = new(command, inputs, "test") { ReadRoots = [P(checkout), P("/usr")] };
        return (command, await CommandShape.OfAsync(request, "", "fuse", _store, TestContext.Current.CancellationToken), request);
    }

    private InputTree Tree(ActionRequest request, IContentLease lease, params CoreInputFact[] more) => new(
        [.. request.Inputs, .. more], _store, lease, new Silent(), [], TestContext.Current.CancellationToken);

    private sealed class Silent : IRequesterFiles
    {
        public Task<CoreInputFact> AskEntryAsync(VirtualPath path, CancellationToken cancellationToken) => throw new InvalidOperationException();

        public Task<IReadOnlyList<CoreInputFact>> AskListingAsync(VirtualPath directory, CancellationToken cancellationToken) => throw new InvalidOperationException();

        public Task<CoreFileFact> AskContentAsync(VirtualPath file, CancellationToken cancellationToken) => throw new InvalidOperationException();
    }
}
