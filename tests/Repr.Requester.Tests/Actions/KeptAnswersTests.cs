using Google.Protobuf;
using Repr.Protocol;
using static Repr.Protocol.V1.FileQuestion.Types;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

/// <summary>A result for which a worker had to ask is known too, in a world that says all that was answered, and in no other.</summary>
public sealed class KeptAnswersTests : IAsyncLifetime
{
    private const int LargeBytes = 5 << 20; // its content is sent when it is asked for, not with its entry

    private static readonly TimeSpan s_hang = TimeSpan.FromMinutes(1);

    private readonly OpenStore _kept = new();
    private RequesterFixture _requester = null!;
    private Func<TestAction, Task> _ask = static _ => Task.CompletedTask;
    private string[] _observed = [];
    private int _asked;

    private string Output => _requester.Files.At("obj/out");

    private string Source => _requester.Files.At("src/a.cs");

    private string Header => _requester.Files.At("src/include/h.txt");

    private string Include => _requester.Files.At("src/include");

    private string None => _requester.Files.At("src/include/none.txt");

    private string Large => _requester.Files.At("src/include/large");

    public async ValueTask InitializeAsync()
    {
        _requester = await RequesterFixture.StartAsync(kept: _kept);
        _requester.Files.Write("src/a.cs", "class A;");
        _requester.Files.Write("src/include/h.txt", "header");
        _requester.Files.Write("src/include/below/i.txt", "header");
        _requester.Files.Write("src/include/large", new string('a', LargeBytes));
        _requester.Worker.RunTool = async (action, _) =>
        {
            _asked++;
            await _ask(action);
            Wire.Completed completed = _requester.Succeed((Output, $"result {_asked}"));
            completed.Cached = new Wire.CachedRun { WorkerId = "test-worker", ToolMs = 12 };
            Wire.ObservedSet set = new() { Inputs = { _observed.Select(static path => new Wire.ObservedInput { Path = path, Kind = Wire.ObservedInput.Types.Kind.Read }) } };
            completed.ObservedSet = _observed.Length > 0 ? _requester.Worker.Put(set.ToByteArray()).ToWire() : null;
            return completed;
        };
    }

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Theory]
    [InlineData("file")]
    [InlineData("nothing")]
    [InlineData("directory")]
    [InlineData("listing")]
    [InlineData("large")]
    [InlineData("many")]
    [InlineData("many listings")]
    public async Task What_was_answered_is_known_the_next_time(string what)
    {
        _ask = action => AskAsync(action, what);
        await RunAsync();
        File.Delete(Output);

        await RunAsync();

        Assert.Equal(1, _asked);
        Assert.Equal("result 1", await ReadAsync());
    }

    public static TheoryData<string, string> Changes => new()
    {
        { "file", "content" },
        { "file", "gone" },
        { "file", "mode" },
        { "file", "link" },
        { "file", "source" },
        { "nothing", "new" },
        { "directory", "all gone" },
        { "listing", "new" },
        { "listing", "gone" },
        { "listing", "longer" },
        { "large", "large" },
        { "many", "content" },
        { "many", "new" },
        { "many listings", "new" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task In_another_world_a_worker_is_asked(string what, string change)
    {
        _ask = action => AskAsync(action, what);
        await RunAsync();
        await ChangeAsync(change);
        _ask = static _ => Task.CompletedTask;

        await RunAsync();

        Assert.Equal(2, _asked);
        Assert.Equal("result 2", await ReadAsync());
    }

    // What the worker saw is not what is there when it has ended: that world must never be taken for the one of its result.
    [Theory]
    [MemberData(nameof(Changes))]
    public async Task What_changes_while_the_action_runs_is_not_what_it_saw(string what, string change)
    {
        _ask = async action =>
        {
            await AskAsync(action, what);
            await ChangeAsync(change);
        };
        await RunAsync();
        _ask = static _ => Task.CompletedTask;

        await RunAsync();

        Assert.Equal(2, _asked);
        Assert.Equal("result 2", await ReadAsync());
    }

    // Nothing was said of it, and nothing is there without a question below some directories of a worker.
    [Fact]
    public async Task What_comes_unasked_while_the_action_runs_was_not_seen()
    {
        string generated = _requester.Files.Write("src/generated/g.txt", "generated");
        _observed = [generated];
        _ask = action => AskAsync(action, "file"); // else the guess was good enough, and nothing is learned
        await RunAsync(Wire.CacheMode.Off);
        Directory.Delete(Path.GetDirectoryName(generated)!, recursive: true);
        _ask = async action =>
        {
            await AskAsync(action, "file");
            _requester.Files.Write("src/generated/g.txt", "generated");
        };
        await RunAsync();
        _ask = static _ => Task.CompletedTask;

        await RunAsync();

        Assert.Equal("result 3", await ReadAsync());
    }

    [Fact]
    public async Task What_is_learned_later_does_not_matter()
    {
        _ask = action => action.AskAsync(Header, Kind.Entry);
        await RunAsync();
        await RunAsync();
        await WriteAsync(Header, "HEADER");
        await RunAsync();
        Assert.Equal(2, _asked);
        await WriteAsync(Header, "header");

        await RunAsync();

        Assert.Equal("result 3", await ReadAsync());
    }

    private async Task AskAsync(TestAction action, string what)
    {
        switch (what)
        {
            case "file":
                Assert.NotNull((await action.AskAsync(Header, Kind.Entry)).Entry?.File);
                break;
            case "nothing":
                Assert.NotNull((await action.AskAsync(None, Kind.Entry)).Entry?.Absent);
                break;
            case "directory":
                Assert.NotNull((await action.AskAsync(Include, Kind.Entry)).Entry?.Directory);
                break;
            case "listing":
                Assert.Equal(3, (await action.AskAsync(Include, Kind.Listing)).Listing?.Entries.Count);
                break;
            case "large":
                Assert.Null(((await action.AskAsync(Large, Kind.Entry)).Entry.ToCore() as FileFact)?.Digest);
                Assert.NotNull(((await action.AskAsync(Large, Kind.Content)).Entry.ToCore() as FileFact)?.Digest);
                break;
            case "many":
                Assert.NotEmpty((await action.AskManyAsync((Header, Wire.ObservedInput.Types.Kind.Read), (None, Wire.ObservedInput.Types.Kind.Absent))).Facts);
                break;
            case "many listings":
                Assert.NotEmpty((await action.AskManyAsync((Include, Wire.ObservedInput.Types.Kind.Listed))).Facts);
                break;
            default:
                throw new ArgumentException(what);
        }
    }

    private async Task ChangeAsync(string how)
    {
        switch (how)
        {
            case "content":
                await WriteAsync(Header, "HEADER");
                break;
            case "longer":
                await WriteAsync(Header, "longer than before");
                break;
            case "large":
                await WriteAsync(Large, new string('b', LargeBytes));
                break;
            case "source":
                await WriteAsync(Source, "class B;");
                break;
            case "new":
                await WriteAsync(None, "");
                break;
            case "mode":
                File.SetUnixFileMode(Header, UnixFileMode.UserRead | UnixFileMode.UserExecute);
                break;
            case "gone":
                File.Delete(Header);
                break;
            case "all gone":
                Directory.Delete(Include, recursive: true);
                break;
            case "link":
                File.Delete(Header);
                File.CreateSymbolicLink(Header, Source);
                break;
            default:
                throw new ArgumentException(how);
        }
    }

    private static Task WriteAsync(string path, string content) => File.WriteAllTextAsync(path, content, TestContext.Current.CancellationToken);

    private Task<Wire.DoorReply> RunAsync(Wire.CacheMode cache = Wire.CacheMode.ReadWrite)
    {
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(Source);
        run.Cache = cache;
        return _requester.CompleteAsync(run).WaitAsync(s_hang, TestContext.Current.CancellationToken);
    }

    private Task<string> ReadAsync() => File.ReadAllTextAsync(Output, TestContext.Current.CancellationToken);
}
