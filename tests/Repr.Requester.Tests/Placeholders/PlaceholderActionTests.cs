using System.Text;
using Microsoft.Win32.SafeHandles;
using Repr.Protocol;
using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Placeholders;

/// <summary>Actions that leave placeholders and actions that read them; the file system is the requester's, without a kernel.</summary>
public sealed class PlaceholderActionTests : IAsyncLifetime
{
    private RequesterFixture _requester = null!;

    private string Output => _requester.Files.At("obj/out");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    [Fact]
    public async Task An_output_that_may_stay_is_a_link_of_the_time_of_the_others_and_nothing_is_downloaded()
    {
        await File.WriteAllTextAsync(Output, "old", Cancellation);
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Add(_requester.Files.At("obj/real"));
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result"), (_requester.Files.At("obj/real"), "real one")));

        Wire.DoorReply reply = await RunAsync(run);

        Assert.Equal((1u, 8L), (reply.Done.Statistics.DownloadedFiles, reply.Done.Statistics.DownloadedBytes));
        Assert.StartsWith(_requester.Files.At("content/"), new FileInfo(Output).LinkTarget, StringComparison.Ordinal);
        Assert.Equal(File.GetLastWriteTimeUtc(_requester.Files.At("obj/real")), File.GetLastWriteTimeUtc(Output));
        Assert.Equal("real one", await File.ReadAllTextAsync(_requester.Files.At("obj/real"), Cancellation));
    }

    [Fact]
    public async Task An_input_that_is_a_placeholder_is_the_file_that_it_would_be_and_no_byte_is_moved()
    {
        // As a file.
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));
        Wire.Run run = _requester.NewRun();
        await _requester.CompleteAsync(run);
        Wire.InputFact expected = await ReadAsInputAsync();

        // As a placeholder.
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));
        await RunAsync(run);
        int uploaded = _requester.Worker.Uploaded.Count;
        Wire.InputFact fact = await ReadAsInputAsync();

        expected.File.ModifiedNs = fact.File.ModifiedNs;
        Assert.Equal(expected, fact);
        Assert.Equal(File.GetLastWriteTimeUtc(Output), DateTime.UnixEpoch.AddTicks(fact.File.ModifiedNs / 100));
        Assert.Equal(uploaded, _requester.Worker.Uploaded.Count);
        Assert.Equal(0, _requester.Placeholders.Hydrated.DownloadedFiles);
        Assert.NotNull(new FileInfo(Output).LinkTarget);
    }

    [Fact]
    public async Task A_question_about_a_placeholder_is_answered_as_for_a_file()
    {
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));
        await RunAsync(_requester.NewRun());
        Wire.FileAnswer? entry = null;
        Wire.FileAnswer? listing = null;
        Wire.FileAnswer? content = null;
        _requester.Worker.RunTool = async (action, _) =>
        {
            entry = await action.AskAsync(Output, Wire.FileQuestion.Types.Kind.Entry);
            listing = await action.AskAsync(_requester.Files.At("obj"), Wire.FileQuestion.Types.Kind.Listing);
            content = await action.AskAsync(Output, Wire.FileQuestion.Types.Kind.Content);
            return _requester.Succeed();
        };

        await _requester.CompleteAsync(Reading());

        Assert.Equal(6, entry!.Entry.File.SizeBytes);
        Assert.Equal(entry.Entry, Assert.Single(listing!.Listing.Entries));
        Assert.Equal(Digest.Compute("result"u8), content!.Entry.File.Digest.ToCore());
        Assert.Equal(0, _requester.Placeholders.Hydrated.DownloadedFiles);
    }

    [Fact]
    public async Task Opening_a_placeholder_fetches_its_content_and_what_is_not_that_content_is_never_given()
    {
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));
        await RunAsync(_requester.NewRun());
        VirtualPath name = NameOf(Output);

        using (SafeFileHandle file = await _requester.Placeholders.OpenAsync(name, Cancellation))
        {
            byte[] bytes = new byte[16];
            Assert.Equal("result", Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(file, bytes, 0)));
        }

        Assert.Equal((FileKind.File, 6L), await _requester.Placeholders.FindAsync(name, Cancellation) is { } found ? (found.Kind, found.SizeBytes) : default);
        _requester.Worker.Blobs[Digest.Compute("result"u8)] = "resulT"u8.ToArray();
        await Assert.ThrowsAsync<ReprException>(async () => await _requester.Placeholders.OpenAsync(name, Cancellation));
        Assert.Empty(Directory.EnumerateFiles(_requester.Options.CacheDirectory, "*.repr-tmp"));
    }

    [Fact]
    public async Task What_the_worker_has_lost_is_not_there_any_more_until_it_is_made_again()
    {
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));
        await RunAsync(_requester.NewRun());
        VirtualPath name = NameOf(Output);
        _requester.Worker.Blobs.Clear();

        ReprException failure = await Assert.ThrowsAsync<ReprException>(async () => await _requester.Placeholders.OpenAsync(name, Cancellation));

        Assert.Contains("build again", failure.Message, StringComparison.Ordinal);
        Assert.Null(await _requester.Placeholders.FindAsync(name, Cancellation));
        Wire.InputFact? fact = null;
        _requester.Worker.RunTool = (action, _) =>
        {
            fact = action.Fact(Output);
            return Task.FromResult(_requester.Succeed());
        };
        Wire.DoorReply reply = await _requester.CompleteAsync(Reading(Output));
        Assert.NotNull(fact!.Absent);
        Assert.Equal(MessageCodes.PlaceholderLost, Assert.Single(reply.Done.Warnings).Code);

        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));
        await RunAsync(_requester.NewRun());
        Assert.NotNull(await _requester.Placeholders.FindAsync(NameOf(Output), Cancellation));
    }

    [Fact]
    public async Task An_action_whose_placeholder_is_lost_is_tried_as_if_it_were_not_there()
    {
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));
        await RunAsync(_requester.NewRun());
        _requester.Worker.Blobs.Clear();
        await _requester.Sessions.CloseAsync(_requester.Worker.Endpoint); // forgets what the worker has
        List<Wire.InputFact?> seen = [];
        _requester.Worker.RunTool = (action, _) =>
        {
            seen.Add(action.Fact(Output));
            return Task.FromResult(_requester.Succeed());
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(Reading(Output));

        Assert.NotNull(Assert.Single(seen)!.Absent);
        Assert.Contains(reply.Done.Warnings, warning => warning.Code == MessageCodes.PlaceholderLost);
    }

    [Fact]
    public async Task Before_a_build_placeholders_that_nobody_can_fill_are_removed_and_others_stay()
    {
        string other = _requester.Files.At("obj/other");
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Add(other);
        run.PlaceholderFiles.Add(other);
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result"), (other, "other one")));
        await RunAsync(run);
        string real = _requester.Files.Write("src/real", "real");
        _requester.Worker.Blobs.TryRemove(Digest.Compute("result"u8), out _);

        IReadOnlyList<string> removed = await _requester.Placeholders.RefreshAsync([Output, other, real, _requester.Files.At("src/none")], Cancellation);

        Assert.Equal([Output], removed);
        Assert.Null(new FileInfo(Output).LinkTarget);
        Assert.NotNull(new FileInfo(other).LinkTarget);
        Assert.True(File.Exists(real));
        Assert.Equal(0, _requester.Placeholders.Hydrated.DownloadedFiles);
    }

    [Fact]
    public async Task Where_nothing_can_be_mounted_everything_is_downloaded_and_one_warning_says_so()
    {
        _requester.MountFailure = "there is no /dev/fuse";
        _requester.Worker.RunTool = (_, _) => Task.FromResult(_requester.Succeed((Output, "result")));

        Wire.DoorReply reply = await RunAsync(_requester.NewRun());

        Wire.Warning warning = Assert.Single(reply.Done.Warnings);
        Assert.Equal(MessageCodes.NoPlaceholders, warning.Code);
        Assert.Contains("there is no /dev/fuse", warning.Message, StringComparison.Ordinal);
        Assert.Null(new FileInfo(Output).LinkTarget);
        Assert.Equal("result", await File.ReadAllTextAsync(Output, Cancellation));
    }

    private Task<Wire.DoorReply> RunAsync(Wire.Run run)
    {
        run = run.Clone();
        run.PlaceholderFiles.Add(Output);
        return _requester.CompleteAsync(run);
    }

    private async Task<Wire.InputFact> ReadAsInputAsync()
    {
        Wire.InputFact? fact = null;
        _requester.Worker.RunTool = (action, _) =>
        {
            fact = action.Fact(Output);
            return Task.FromResult(_requester.Succeed());
        };
        await _requester.CompleteAsync(Reading(Output));
        return fact!;
    }

    private Wire.Run Reading(params string[] inputs)
    {
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Clear();
        run.OutputFiles.Add(_requester.Files.At("src/program"));
        run.ReadRoots.Add(_requester.Files.At("obj"));
        run.Inputs.Add(inputs);
        return run;
    }

    private VirtualPath NameOf(string link) => VirtualPath.Parse(new FileInfo(link).LinkTarget![_requester.Files.At("content").Length..]);
}
