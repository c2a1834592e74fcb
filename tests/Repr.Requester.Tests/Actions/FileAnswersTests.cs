using System.Diagnostics;
using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

public sealed class FileAnswersTests : IAsyncLifetime
{
    private RequesterFixture _requester = null!;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task A_file_outside_the_roots_is_refused_and_named_and_not_called_absent()
    {
        string secret = _requester.Files.Write("secret/canary", "canary");
        Wire.DoorReply? reply = null;

        Wire.FileAnswer answer = await AskAsync(secret, Wire.FileQuestion.Types.Kind.Entry, ended => reply = ended);

        Assert.Contains(secret, answer.Refused, StringComparison.Ordinal);
        Assert.Equal(MessageCodes.FileRefused, reply?.NotRun?.Code);
        Assert.Contains(secret, reply!.NotRun.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Digest.Compute("canary"u8), _requester.Worker.Blobs.Keys);
    }

    [Theory]
    [InlineData("src-evil/a", Wire.FileQuestion.Types.Kind.Content)]
    [InlineData("src-evil", Wire.FileQuestion.Types.Kind.Listing)]
    [InlineData("src/.git/config", Wire.FileQuestion.Types.Kind.Entry)]
    [InlineData("src/key.pfx", Wire.FileQuestion.Types.Kind.Content)]
    public async Task What_the_policy_forbids_is_refused(string path, Wire.FileQuestion.Types.Kind kind)
    {
        _requester.Files.Write("src-evil/a", "canary");
        _requester.Files.Write("src/.git/config", "canary");
        _requester.Files.Write("src/key.pfx", "canary");

        Wire.FileAnswer answer = await AskAsync(_requester.Files.At(path), kind);

        Assert.NotEmpty(answer.Refused);
        Assert.DoesNotContain(Digest.Compute("canary"u8), _requester.Worker.Blobs.Keys);
    }

    [Theory]
    [InlineData("/proc/self/environ")]
    [InlineData("/dev/zero")]
    [InlineData("/src/../etc/shadow")]
    [InlineData("relative")]
    public async Task Places_that_never_leave_are_refused(string path)
    {
        Wire.FileAnswer answer = await AskAsync(path, Wire.FileQuestion.Types.Kind.Content);

        Assert.NotEmpty(answer.Refused);
    }

    [Fact]
    public async Task Above_the_drives_are_those_of_the_action_and_no_others()
    {
        static VirtualPath P(string path) => VirtualPath.Parse(path);
        InputMapping mapping = new(
            new() { [P("/E:/in.c")] = new AbsentFact(P("/E:/in.c")) },
            [], new HashSet<VirtualPath>(), new Requester.Files.ReadPolicy([P("/d:/src"), P("/C:/src")], []), null)
        {
            MadeNs = 0,
            OutputFiles = [P("/F:/o/a.obj")],
            OutputDirectories = [],
            WriteRoots = [P("/C:/out")],
        };
        FileAnswers answers = new(mapping, null!, null!, new()); // a listing reads and sends no content

        Wire.FileAnswer drives = await answers.AnswerAsync(
            new Wire.FileQuestion { Path = "/", Kind = Wire.FileQuestion.Types.Kind.Listing }, TestContext.Current.CancellationToken);

        Assert.Equal(["/C:", "/D:", "/E:", "/F:"], drives.Listing.Entries.Select(entry => entry.Path));
        Assert.All(drives.Listing.Entries, entry => Assert.Equal(Wire.InputFact.FactOneofCase.Directory, entry.FactCase));
        Assert.Null(answers.Refusal);
    }

    [Fact]
    public async Task A_link_out_of_a_root_is_shown_as_a_link_and_not_followed()
    {
        string secret = _requester.Files.Write("secret/canary", "canary");
        string link = _requester.Files.At("src/link");
        File.CreateSymbolicLink(link, secret);

        Wire.FileAnswer entry = await AskAsync(link, Wire.FileQuestion.Types.Kind.Entry);
        Wire.FileAnswer content = await AskAsync(link, Wire.FileQuestion.Types.Kind.Content);

        Assert.Equal(secret, entry.Entry.SymlinkTarget);
        Assert.NotEqual(Wire.FileAnswer.AnswerOneofCase.Entry, content.AnswerCase);
        Assert.DoesNotContain(Digest.Compute("canary"u8), _requester.Worker.Blobs.Keys);
    }

    [Fact]
    public async Task A_directory_that_is_swapped_for_a_link_never_serves_what_is_behind_it()
    {
        // Each is asked for once: an action is given the same answer each time.
        const int Files = 2000;
        for (int file = 0; file < Files; file++)
        {
            _requester.Files.Write($"secret/file{file}", "canary");
            _requester.Files.Write($"src/real/file{file}", "public");
        }

        string place = _requester.Files.At("src/swap");
        Directory.Move(_requester.Files.At("src/real"), place);
        using CancellationTokenSource stop = new();
        Task swapping = Task.Run(() =>
        {
            for (int swaps = 1; !stop.IsCancellationRequested; swaps++)
            {
                if (swaps % 20 == 0)
                {
                    Thread.Sleep(1); // else nothing is ever served where the disk is fast
                }

                Directory.Move(place, _requester.Files.At("src/real"));
                Directory.CreateSymbolicLink(place, _requester.Files.At("secret"));
                File.Delete(place);
                Directory.Move(_requester.Files.At("src/real"), place);
            }
        }, TestContext.Current.CancellationToken);

        int served = 0;
        int notServed = 0;
        _requester.Worker.RunTool = async (action, _) =>
        {
            for (int index = 0; index < Files; index++)
            {
                Wire.FileAnswer answer = await action.AskAsync($"{place}/file{index}", Wire.FileQuestion.Types.Kind.Content);
                bool isServed = answer.AnswerCase == Wire.FileAnswer.AnswerOneofCase.Entry;
                served += isServed ? 1 : 0;
                notServed += isServed ? 0 : 1;
            }

            return _requester.Succeed();
        };
        await _requester.CompleteAsync(_requester.NewRun());
        await stop.CancelAsync();
        await swapping;

        Assert.True(served > 0 && notServed > 0, $"The race did not happen: {served} served, {notServed} not.");
        Assert.DoesNotContain(Digest.Compute("canary"u8), _requester.Worker.Blobs.Keys);
    }

    [Fact]
    public async Task A_pipe_is_refused_and_not_waited_for()
    {
        string pipe = _requester.Files.At("src/pipe");
        using Process make = Process.Start("mkfifo", pipe);
        await make.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.NotEmpty((await AskAsync(pipe, Wire.FileQuestion.Types.Kind.Entry)).Refused);
        Assert.NotEmpty((await AskAsync(pipe, Wire.FileQuestion.Types.Kind.Content)).Refused);
    }

    [Fact]
    public async Task What_is_absent_is_absent_everywhere()
    {
        Wire.FileAnswer inside = await AskAsync(_requester.Files.At("src/nothing"), Wire.FileQuestion.Types.Kind.Entry);
        Wire.FileAnswer outside = await AskAsync(_requester.Files.At("nothing"), Wire.FileQuestion.Types.Kind.Entry);

        Assert.NotNull(inside.Entry.Absent);
        Assert.NotNull(outside.Entry.Absent);
    }

    [Fact]
    public async Task A_directory_outside_the_roots_is_only_a_way()
    {
        Wire.FileAnswer answer = await AskAsync(_requester.Files.Path, Wire.FileQuestion.Types.Kind.Entry);

        Assert.False(answer.Entry.Directory.Complete);
    }

    [Fact]
    public async Task A_listing_has_all_names_and_none_of_the_outputs()
    {
        _requester.Files.Write("src/a.cs", "a");
        _requester.Files.Write("src/d/b.cs", "b");
        string output = _requester.Files.Write("src/out.dll", "old");
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Add(output);
        run.VirtualFiles.Add(new Wire.VirtualFile { Path = _requester.Files.At("src/x.rsp") });
        Wire.FileAnswer? answer = null;
        _requester.Worker.RunTool = async (action, _) =>
        {
            answer = await action.AskAsync(_requester.Files.At("src"), Wire.FileQuestion.Types.Kind.Listing);
            return _requester.Succeed();
        };

        await _requester.CompleteAsync(run);

        Assert.Equal(
            ["a.cs", "d", "x.rsp"],
            answer!.Listing.Entries.Select(entry => Path.GetFileName(entry.Path)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_blob_that_the_store_has_lost_is_sent_again()
    {
        string file = _requester.Files.Write("src/a.cs", "class A;");
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(file);
        _requester.Worker.RunTool = async (action, _) =>
        {
            _requester.Worker.Blobs.Clear();
            await action.AskAsync(file, Wire.FileQuestion.Types.Kind.Content);
            return _requester.Succeed();
        };

        await _requester.CompleteAsync(run);

        Assert.Contains(Digest.Compute("class A;"u8), _requester.Worker.Blobs.Keys);
    }

    [Fact]
    public async Task With_an_empty_mapping_everything_can_be_asked()
    {
        string file = _requester.Files.Write("src/a.cs", "class A;");
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(file);
        run.EmptyMapping = true;
        await File.WriteAllTextAsync(_requester.Files.At("obj/out"), "old", TestContext.Current.CancellationToken);
        Wire.FileAnswer? source = null;
        Wire.FileAnswer? output = null;
        bool hasFileFacts = true;
        _requester.Worker.RunTool = async (action, _) =>
        {
            hasFileFacts = action.Execute.Inputs.Any(fact => fact.File is not null);
            source = await action.AskAsync(file, Wire.FileQuestion.Types.Kind.Entry);
            output = await action.AskAsync(_requester.Files.At("obj/out"), Wire.FileQuestion.Types.Kind.Entry);
            return _requester.Succeed();
        };

        await _requester.CompleteAsync(run);

        Assert.False(hasFileFacts);
        Assert.Equal(8, source!.Entry.File.Digest.SizeBytes);
        Assert.Contains(Digest.Compute("class A;"u8), _requester.Worker.Blobs.Keys);
        Assert.NotNull(output!.Entry.Absent);
    }

    private async Task<Wire.FileAnswer> AskAsync(string path, Wire.FileQuestion.Types.Kind kind, Action<Wire.DoorReply>? ended = null)
    {
        Wire.FileAnswer? answer = null;
        _requester.Worker.RunTool = async (action, _) =>
        {
            answer = await action.AskAsync(path, kind);
            return answer.AnswerCase == Wire.FileAnswer.AnswerOneofCase.Refused
                ? new Wire.Completed { Failure = new Wire.Failure { Code = Wire.FailureCode.Refused, Message = answer.Refused } }
                : _requester.Succeed();
        };
        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());
        ended?.Invoke(reply);
        Assert.True(answer is not null, $"The worker did not ask: {reply}");
        return answer;
    }
}
