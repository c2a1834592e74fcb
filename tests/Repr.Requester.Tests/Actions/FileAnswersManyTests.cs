using Repr.Protocol;
using Wire = Repr.Protocol.V1;
using Kind = Repr.Protocol.V1.ObservedInput.Types.Kind;

namespace Repr.Requester.Tests.Actions;

/// <summary>Questions about many paths at once: what may be said is said, and nothing else; nothing of it ends an action.</summary>
public sealed class FileAnswersManyTests : IAsyncLifetime
{
    private RequesterFixture _requester = null!;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task What_may_be_said_is_said_at_once_and_counts_as_one_question()
    {
        string file = _requester.Files.Write("src/a.h", "a");
        string large = _requester.Files.Write("src/large.h", new string('x', 2 << 20));
        _requester.Files.Write("src/d/b.h", "b");
        string directory = _requester.Files.At("src/d");
        string nothing = _requester.Files.At("src/nothing");
        string inDirectory = _requester.Files.At("src/d/nothing");

        (Dictionary<string, Wire.InputFact> said, Wire.DoorReply reply) = await AskAsync(
            (file, Kind.Read), (large, Kind.Read), (directory, Kind.Listed), (nothing, Kind.Absent), (inDirectory, Kind.Absent));

        Assert.Equal(Digest.Compute("a"u8), said[file].File.Digest.ToCore());
        Assert.Contains(Digest.Compute("a"u8), _requester.Worker.Blobs.Keys);
        Assert.Equal((null, 2L << 20), (said[large].File.Digest, said[large].File.SizeBytes)); // fetched when it is read
        Assert.True(said[directory].Directory.Complete);
        Assert.NotNull(said[_requester.Files.At("src/d/b.h")].File);
        Assert.NotNull(said[nothing].Absent);
        Assert.NotNull(said[inDirectory].Absent);
        Assert.Equal(1u, reply.Done.Statistics.AskedBack);
    }

    [Fact]
    public async Task What_may_not_be_said_is_left_out_and_ends_nothing()
    {
        string secret = _requester.Files.Write("secret/canary", "canary");
        string key = _requester.Files.Write("src/key.pfx", "canary");
        string git = _requester.Files.Write("src/.git/config", "canary");
        string link = _requester.Files.At("way");
        File.CreateSymbolicLink(link, _requester.Files.At("secret"));

        (Dictionary<string, Wire.InputFact> said, Wire.DoorReply reply) = await AskAsync(
            (secret, Kind.Read), (_requester.Files.At("secret"), Kind.Listed), (key, Kind.Read), (git, Kind.Read), (link + "/canary", Kind.Read),
            ("/proc/self/environ", Kind.Read), ("/etc/shadow", Kind.Stated), ("relative", Kind.Read));

        Assert.Empty(said.Keys.Intersect([secret, git, link, link + "/canary", "/proc/self/environ", "/etc/shadow"]));
        Assert.Null(said[key].File.Digest);
        Assert.False(said[_requester.Files.At("secret")].Directory.Complete);
        Assert.DoesNotContain(Digest.Compute("canary"u8), _requester.Worker.Blobs.Keys);
        Assert.NotNull(reply.Done);
    }

    [Fact]
    public async Task What_was_said_does_not_change_while_the_action_runs()
    {
        string file = _requester.Files.Write("src/a.h", "one");
        string output = _requester.Files.Write("src/out.dll", "old");
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Add(output);
        Wire.FileAnswer? entry = null;
        Wire.FileAnswer? content = null;
        Wire.PathsAnswer? again = null;
        Wire.PathsAnswer? first = null;
        _requester.Worker.RunTool = async (action, _) =>
        {
            first = await action.AskManyAsync((file, Kind.Read), (output, Kind.Read));
            await File.WriteAllTextAsync(file, "other", TestContext.Current.CancellationToken);
            entry = await action.AskAsync(file, Wire.FileQuestion.Types.Kind.Entry);
            content = await action.AskAsync(file, Wire.FileQuestion.Types.Kind.Content);
            again = await action.AskManyAsync((file, Kind.Read));
            return _requester.Succeed();
        };

        await _requester.CompleteAsync(run);

        Assert.DoesNotContain(first!.Facts, fact => fact.Path == output); // it starts absent
        Digest one = Digest.Compute("one"u8);
        Assert.Equal(one, entry!.Entry.File.Digest.ToCore());
        Assert.True(content!.Entry is null || content.Entry.File.Digest.ToCore() == one); // or it is said that it changed
        Assert.Equal(one, again!.Facts.Single(fact => fact.Path == file).File.Digest.ToCore());
    }

    [Fact]
    public async Task A_worker_is_told_where_it_may_ask()
    {
        _requester.Worker.FirstMessage.Welcome.ProtocolMinor = 2;
        Wire.InputSet? environment = null;
        _requester.Worker.RunTool = (action, _) =>
        {
            environment = action.Execute.InputSets
                .Select(digest => Wire.InputSet.Parser.ParseFrom(_requester.Worker.Blobs[digest.ToCore()]))
                .Single(static set => set.ReadRoots.Count > 0);
            return Task.FromResult(_requester.Succeed());
        };

        await _requester.CompleteAsync(_requester.NewRun());

        Assert.Contains(_requester.Files.At("src"), environment!.ReadRoots);
    }

    private async Task<(Dictionary<string, Wire.InputFact> Said, Wire.DoorReply Reply)> AskAsync(params (string Path, Kind Kind)[] paths)
    {
        Wire.PathsAnswer? answer = null;
        _requester.Worker.RunTool = async (action, _) =>
        {
            answer = await action.AskManyAsync(paths);
            return _requester.Succeed();
        };
        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());
        return (answer!.Facts.ToDictionary(static fact => fact.Path, StringComparer.Ordinal), reply);
    }
}
