using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Repr.Protocol;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

public sealed class KeptResultsTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new();
    private readonly OpenStore _kept = new();
    private RequesterFixture _requester = null!;
    private int _asked;

    private string Output => _requester.Files.At("obj/out");

    private string Source => _requester.Files.At("src/a.cs");

    public async ValueTask InitializeAsync()
    {
        _requester = await RequesterFixture.StartAsync(clock: _clock, kept: _kept);
        _requester.Files.Write("src/a.cs", "class A;");
        Know("result of A");
    }

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task What_a_worker_knew_is_given_again_without_a_worker()
    {
        await RunAsync();
        string text = _requester.Text;
        Remove();

        Wire.DoorReply again = await RunAsync();

        Assert.Equal(1, _asked);
        Assert.Equal("result of A", await ReadAsync());
        Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(Output));
        Assert.Equal(text + text, _requester.Text);
        Assert.Equal(12, again.Done.Statistics.CachedToolMs);
        Assert.Equal("test-worker", again.Done.Worker);
        Assert.Equal((0L, 0u), (again.Done.Statistics.RequestBytes, again.Done.Statistics.DownloadedFiles));
        string record = await File.ReadAllTextAsync(_requester.Files.At("cache/records/build-1.jsonl"), TestContext.Current.CancellationToken);
        Assert.Single(record.Split('\n'), static line => line.Contains("\"kept\":true", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_saved_without_a_change_is_the_same()
    {
        await RunAsync();
        File.SetLastWriteTimeUtc(Source, DateTime.UtcNow.AddMinutes(-1));

        await RunAsync();

        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task A_worker_is_asked_about_another_source_and_about_the_first_again()
    {
        await RunAsync();
        _requester.Files.Write("src/a.cs", "class B;");
        Know("result of B");
        await RunAsync();
        Assert.Equal("result of B", await ReadAsync());
        _requester.Files.Write("src/a.cs", "class A;");
        Know("result of A");

        await RunAsync();

        Assert.Equal(3, _asked);
        Assert.Equal("result of A", await ReadAsync());
    }

    public static TheoryData<string, Action<Wire.Run>> Others => new()
    {
        { "argument", static run => run.Command.Arguments.Add("-x") },
        { "variable", static run => run.Command.Environment.Add("LANG", "C") },
        { "response file", static run => run.VirtualFiles.Add(new Wire.VirtualFile { Path = "/tmp/a.rsp", Content = Google.Protobuf.ByteString.CopyFromUtf8("-x") }) },
        { "output", static run => run.OutputFiles.Add(run.OutputFiles[0] + ".pdb") },
        { "what may be read", static run => run.ReadRoots.Add("/usr") },
        { "every compiler runs", static run => run.Cache = Wire.CacheMode.Off },
        { "proved", static run => run.Cache = Wire.CacheMode.Verify },
        { "nothing mapped", static run => run.EmptyMapping = true },
        { "not learned", static run => run.PredictionKey = "" },
    };

    [Theory]
    [MemberData(nameof(Others), DisableDiscoveryEnumeration = true)]
    public async Task A_worker_is_asked_about_another_action(string what, Action<Wire.Run> change)
    {
        await RunAsync();

        Wire.DoorReply reply = await RunAsync(change);

        Assert.NotNull(reply.Done);
        Assert.True(_asked == 2, what);
    }

    [Fact]
    public async Task A_worker_that_ran_the_tool_is_asked_again()
    {
        Know("result of A", isCached: false);
        await RunAsync();

        await RunAsync();

        Assert.Equal(2, _asked);
    }

    [Fact]
    public async Task What_a_worker_knows_since_it_ran_the_tool_is_given_again()
    {
        Know("result of A", isCached: false, isKnown: true);
        Wire.DoorReply first = await RunAsync();
        string text = _requester.Text;
        Remove();

        Wire.DoorReply again = await RunAsync();

        Assert.Equal(1, _asked);
        Assert.Equal("result of A", await ReadAsync());
        Assert.Equal(text + text, _requester.Text);
        Assert.Equal((false, true), (first.Done.Statistics.HasCachedToolMs, again.Done.Statistics.HasCachedToolMs));
        Assert.Equal((first.Done.Statistics.ToolMs, 0), (again.Done.Statistics.CachedToolMs, again.Done.Statistics.ToolMs));
        Assert.Equal("", again.Done.Statistics.CacheMiss);
    }

    [Fact]
    public async Task What_was_learned_since_does_not_matter()
    {
        string header = _requester.Files.Write("src/h.txt", "header");
        Know("result of A", observed: [Source]);
        await RunAsync(static run => run.Cache = Wire.CacheMode.Off);
        await RunAsync();
        TestWorker.Tool known = _requester.Worker.RunTool;
        _requester.Worker.RunTool = (_, _) => Task.FromResult(Completed("result of A", isCached: false, [Source, header]));
        await RunAsync(static run => run.Cache = Wire.CacheMode.Off);
        _requester.Worker.RunTool = known;

        await RunAsync();
        Assert.Equal(2, _asked);

        // It does as soon as there is a worker to be asked.
        _requester.Files.Write("src/a.cs", "class B;");
        List<string> mapped = [];
        _requester.Worker.RunTool = (action, cancellation) =>
        {
            mapped.AddRange(action.Execute.Inputs.Select(static fact => fact.Path));
            return known(action, cancellation);
        };
        await RunAsync();
        Assert.Equal(3, _asked);
        Assert.Contains(header, mapped);
    }

    [Fact]
    public async Task What_another_client_guesses_does_not_matter()
    {
        string runtime = _requester.Files.Write("src/runtime.dll", "runtime");
        Know("result of A", observed: [Source]);
        await RunAsync();

        await RunAsync(run => run.GuessedInputs.Add(runtime));

        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task A_worker_is_asked_when_the_content_had_to_make_room()
    {
        await RunAsync();
        _kept.Blobs.Clear();
        Remove();

        Wire.DoorReply again = await RunAsync();

        Assert.NotNull(again.Done);
        Assert.Equal(2, _asked);
        Assert.Equal("result of A", await ReadAsync());
        Assert.Equal([Output], Directory.GetFiles(_requester.Files.At("obj")));
    }

    [Fact]
    public async Task A_worker_is_asked_when_the_content_is_damaged()
    {
        await RunAsync();
        foreach (Digest digest in _kept.Blobs.Keys)
        {
            _kept.Blobs[digest] = "something else"u8.ToArray();
        }

        await RunAsync();

        Assert.Equal(2, _asked);
        Assert.Equal("result of A", await ReadAsync());
    }

    [Fact]
    public async Task A_worker_is_asked_when_the_content_could_not_be_kept()
    {
        _kept.IsFull = true;
        await RunAsync();
        _kept.IsFull = false;

        await RunAsync();

        Assert.Equal(2, _asked);
    }

    [Fact]
    public async Task A_worker_is_asked_when_the_content_cannot_be_read()
    {
        await RunAsync();
        _kept.IsBroken = true;

        Wire.DoorReply again = await RunAsync();

        Assert.Equal(0, again.Done?.Code);
        Assert.Equal(2, _asked);
        Assert.Equal("result of A", await ReadAsync());
    }

    [Fact]
    public async Task A_worker_is_asked_about_what_was_found_not_repeatable()
    {
        await RunAsync();
        TestWorker.Tool known = _requester.Worker.RunTool;
        _requester.Worker.RunTool = (_, _) =>
        {
            Wire.Completed completed = Completed("result of A", isCached: false);
            completed.NotRepeatable.Add(Output);
            return Task.FromResult(completed);
        };
        await RunAsync(static run => run.Cache = Wire.CacheMode.Verify);
        _requester.Worker.RunTool = known;

        await RunAsync();
        await RunAsync();

        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task Long_text_is_a_workers_matter()
    {
        Know("result of A", text: new string('x', 20_000));
        await RunAsync();

        await RunAsync();

        Assert.Equal(2, _asked);
    }

    [Fact]
    public async Task Text_is_passed_on_to_who_wants_it_at_once()
    {
        await RunAsync();
        string text = _requester.Text;

        await RunAsync(static run => run.LiveText = true);
        await RunAsync(static run => run.LiveText = true);

        Assert.Equal(1, _asked);
        Assert.Equal(text + text + text, _requester.Text);
    }

    [Fact]
    public async Task A_worker_is_asked_after_an_hour()
    {
        await RunAsync();
        _clock.Advance(TimeSpan.FromMinutes(61));

        await RunAsync();

        Assert.Equal(2, _asked);
    }

    [Fact]
    public async Task No_worker_is_needed()
    {
        await RunAsync();
        await _requester.Worker.DisposeAsync();
        Remove();

        Wire.DoorReply again = await RunAsync();

        Assert.Equal(0, again.Done?.Code);
        Assert.Equal("result of A", await ReadAsync());
    }

    private void Know(string result, bool isCached = true, string? text = null, bool isKnown = false, string[]? observed = null) => _requester.Worker.RunTool = (action, _) =>
    {
        _asked++;
        action.Say(text ?? $"warning {_asked == 0}");
        Wire.Completed completed = Completed(result, isCached, observed);
        completed.IsKnown = isKnown;
        return Task.FromResult(completed);
    };

    private Wire.Completed Completed(string result, bool isCached, string[]? observed = null)
    {
        Wire.Completed completed = _requester.Succeed((Output, result));
        if (observed is not null)
        {
            Wire.ObservedSet set = new() { Inputs = { observed.Select(static path => new Wire.ObservedInput { Path = path, Kind = Wire.ObservedInput.Types.Kind.Read }) } };
            completed.ObservedSet = _requester.Worker.Put(set.ToByteArray()).ToWire();
        }

        completed.Cached = isCached ? new Wire.CachedRun { WorkerId = "test-worker", ToolMs = 12 } : null;
        return completed;
    }

    private Task<Wire.DoorReply> RunAsync(Action<Wire.Run>? change = null)
    {
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(Source);
        run.Cache = Wire.CacheMode.ReadWrite;
        change?.Invoke(run);
        return _requester.CompleteAsync(run);
    }

    private void Remove()
    {
        File.Delete(Output);
        Assert.Empty(Directory.GetFiles(_requester.Files.At("obj")));
    }

    private Task<string> ReadAsync() => File.ReadAllTextAsync(Output, TestContext.Current.CancellationToken);
}
