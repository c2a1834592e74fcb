using Repr.Protocol;
using Repr.Requester.Actions;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests.Actions;

public sealed class ActionRunnerTests : IAsyncLifetime
{
    private RequesterFixture _requester = null!;

    public async ValueTask InitializeAsync() => _requester = await RequesterFixture.StartAsync();

    public ValueTask DisposeAsync() => _requester.DisposeAsync();

    private string Output => _requester.Files.At("obj/out");

    [Fact]
    public async Task An_action_gets_its_inputs_and_leaves_its_output()
    {
        string input = _requester.Files.Write("src/a.cs", "class A;");
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(input);
        run.Inputs.Add(_requester.Files.At("src/missing.cs"));
        run.VirtualFiles.Add(
            new Wire.VirtualFile { Path = _requester.Files.At("src/tool.rsp"), Content = Google.Protobuf.ByteString.CopyFromUtf8("/out") });
        Wire.Execute? seen = null;
        _requester.Worker.RunTool = (action, _) =>
        {
            seen = action.Execute;
            action.Say("hello ");
            action.Say("there");
            return Task.FromResult(_requester.Succeed((Output, "result")));
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(0, reply.Done?.Code ?? throw new InvalidOperationException(reply.ToString()));
        Assert.Equal("result", await File.ReadAllTextAsync(Output, TestContext.Current.CancellationToken));
        Assert.Equal((UnixFileMode)0x1ED, File.GetUnixFileMode(Output));
        Assert.Equal("hello there", _requester.Text);
        Wire.InputFact source = seen!.Inputs.Single(fact => fact.Path == input);
        Assert.Equal("class A;", System.Text.Encoding.UTF8.GetString(_requester.Worker.Blobs[source.File.Digest.ToCore()]));
        Assert.NotNull(seen.Inputs.Single(fact => fact.Path == _requester.Files.At("src/missing.cs")).Absent);
        Assert.NotNull(seen.Inputs.Single(fact => fact.Path == Output).Absent);
        Assert.Equal(4, seen.Inputs.Single(fact => fact.Path == _requester.Files.At("src/tool.rsp")).File.SizeBytes);
        Assert.Equal([Output], seen.Command.OutputRoots);
        string record =
            await File.ReadAllTextAsync(_requester.Files.At("cache/records/build-1.jsonl"), TestContext.Current.CancellationToken);
        Assert.Contains("\"outcome\":\"remote\"", record, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_asked_back_once_is_predicted_the_next_time()
    {
        string header = _requester.Files.Write("src/dir/h.txt", "header");
        _requester.Worker.RunTool = async (action, _) =>
        {
            if (action.Fact(header)?.File?.Digest is null)
            {
                Wire.FileAnswer answer = await action.AskAsync(header, Wire.FileQuestion.Types.Kind.Entry);
                Assert.True(_requester.Worker.Blobs.ContainsKey(answer.Entry.File.Digest.ToCore()));
            }

            Wire.Completed completed = _requester.Succeed((Output, "result"));
            completed.ObservedInputs.Add(new ObservedInput(VirtualPath.Parse(header), ObservedKind.Read).ToWire());
            return completed;
        };

        Wire.DoorReply first = await _requester.CompleteAsync(_requester.NewRun());
        Wire.DoorReply second = await _requester.CompleteAsync(_requester.NewRun());

        Assert.Equal(1u, first.Done.Statistics.AskedBack);
        Assert.Equal(0u, second.Done.Statistics.AskedBack);
        Assert.Equal(0u, second.Done.Statistics.UploadedFiles);
    }

    [Fact]
    public async Task A_second_run_names_facts_and_looks_that_the_worker_has()
    {
        _requester.Worker.FirstMessage.Welcome.ProtocolMinor = 1;
        string header = _requester.Files.Write("src/dir/h.txt", "header");
        string[] others = [.. Enumerable.Range(0, 10).Select(number => _requester.Files.Write($"src/dir/other{number}.txt", $"{number}"))];
        List<Wire.Execute> seen = [];
        Wire.ObservedSet observed = new();
        observed.Inputs.AddRange(others.Append(header).Select(file => new ObservedInput(VirtualPath.Parse(file), ObservedKind.Read).ToWire()));
        int runs = 0;
        _requester.Worker.RunTool = async (action, _) =>
        {
            seen.Add(action.Execute);
            if (runs == 0)
            {
                await action.AskAsync(header, Wire.FileQuestion.Types.Kind.Entry);
            }

            Wire.Completed completed = _requester.Succeed((Output, $"result {runs++}"));
            completed.ObservedSet = _requester.Worker.Put(Google.Protobuf.MessageExtensions.ToByteArray(observed)).ToWire();
            return completed;
        };

        await _requester.CompleteAsync(_requester.NewRun());
        Wire.DoorReply second = await _requester.CompleteAsync(_requester.NewRun());
        Wire.DoorReply third = await _requester.CompleteAsync(_requester.NewRun());

        Assert.True(second.Done is not null && third.Done is not null, $"{second} {third}");
        Assert.Empty(seen[2].Command.Environment);
        Assert.DoesNotContain(seen[2].Inputs, fact => fact.Path == header);
        Assert.Contains(
            seen[2].InputSets.Select(set => Wire.InputSet.Parser.ParseFrom(_requester.Worker.Blobs[set.ToCore()])),
            set => set.Facts.Any(fact => fact.Path == header && fact.File?.Digest is not null));
        Assert.Equal(seen[1].InputSets, seen[2].InputSets);
        Assert.Equal(0u, third.Done!.Statistics.UploadedFiles);
    }

    [Fact]
    public async Task Sets_that_the_worker_lacks_come_with_the_action_and_only_once()
    {
        _requester.Worker.FirstMessage.Welcome.ProtocolMinor = 3;
        string[] headers = [.. Enumerable.Range(0, 10).Select(number => _requester.Files.Write($"src/dir/h{number}.txt", $"{number}"))];
        List<Wire.Execute> seen = [];
        _requester.Worker.RunTool = (action, _) =>
        {
            seen.Add(action.Execute);
            Wire.Completed completed = _requester.Succeed((Output, $"result {seen.Count}"));
            completed.ObservedInputs.AddRange(headers.Select(file => new ObservedInput(VirtualPath.Parse(file), ObservedKind.Read).ToWire()));
            return Task.FromResult(completed);
        };

        for (int run = 0; run < 3; run++)
        {
            Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());
            Assert.True(reply.Done is not null, $"{reply}");
        }

        Digest[] named = [.. seen[1].InputSets.Select(static set => set.ToCore())];
        Digest[] attached = [.. seen[1].AttachedSets.Select(static set => Digest.Compute(set.Span))];
        Assert.NotEmpty(attached);
        Assert.Subset(named.ToHashSet(), attached.ToHashSet());
        Assert.DoesNotContain(attached, _requester.Worker.Blobs.ContainsKey);
        Assert.Equal(seen[1].InputSets, seen[2].InputSets);
        Assert.Empty(seen[2].AttachedSets);
    }

    [Fact]
    public async Task Few_facts_are_in_the_message_itself()
    {
        _requester.Worker.FirstMessage.Welcome.ProtocolMinor = 1;
        string header = _requester.Files.Write("src/dir/h.txt", "header");
        Wire.Execute? seen = null;
        _requester.Worker.RunTool = (action, _) =>
        {
            seen = action.Execute;
            Wire.Completed completed = _requester.Succeed((Output, "result"));
            completed.ObservedInputs.Add(new ObservedInput(VirtualPath.Parse(header), ObservedKind.Read).ToWire());
            return Task.FromResult(completed);
        };

        await _requester.CompleteAsync(_requester.NewRun());
        await _requester.CompleteAsync(_requester.NewRun());

        Assert.Contains(seen!.Inputs, fact => fact.Path == header);
        Assert.DoesNotContain(
            seen.InputSets.Select(set => Wire.InputSet.Parser.ParseFrom(_requester.Worker.Blobs[set.ToCore()])), set => set.Facts.Count > 0);
    }

    [Fact]
    public async Task Live_text_comes_before_the_end_and_such_an_action_is_not_tried_again()
    {
        Wire.Run run = _requester.NewRun();
        run.LiveText = true;
        int runs = 0;
        _requester.Worker.RunTool = async (action, cancelled) =>
        {
            runs++;
            action.Say("begun");
            while (_requester.Text.Length == 0)
            {
                await Task.Delay(5, cancelled);
            }

            action.Die();
            await Task.Delay(Timeout.Infinite, cancelled);
            return new Wire.Completed();
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(MessageCodes.ActionLost, reply.NotRun.Code);
        Assert.True(reply.NotRun.TextPassedOn);
        Assert.Equal(1, runs);
        Assert.Equal("begun", _requester.Text);
    }

    [Fact]
    public async Task What_is_typed_goes_to_the_tool()
    {
        TaskCompletionSource<string> typed = new();
        _requester.Worker.OnInput = input => typed.TrySetResult(input.Data.ToStringUtf8());
        _requester.Worker.RunTool = async (_, cancelled) =>
        {
            Assert.Equal("keys", await typed.Task.WaitAsync(cancelled));
            return _requester.Succeed((Output, "x"));
        };
        await _requester.Input.Writer.WriteAsync(new InputData("keys"u8.ToArray()), TestContext.Current.CancellationToken);

        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());

        Assert.Equal(0, reply.Done.Code);
    }

    [Fact]
    public async Task A_write_outside_the_write_roots_leaves_no_verdict_and_no_output()
    {
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Clear();
        run.WriteRoots.Add(_requester.Files.At("src"));
        _requester.Worker.RunTool = (_, _) =>
        {
            Wire.Completed completed = _requester.Succeed((_requester.Files.At("src/new"), "x"));
            completed.UndeclaredWrites.Add("/opt/elsewhere");
            return Task.FromResult(completed);
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(MessageCodes.WriteLost, reply.NotRun.Code);
        Assert.Contains("/opt/elsewhere", reply.NotRun.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_requester.Files.At("src/new")));
    }

    [Fact]
    public async Task In_a_write_root_files_are_seen_changed_made_and_deleted()
    {
        string old = _requester.Files.Write("src/old", "old");
        string gone = _requester.Files.Write("src/gone", "gone");
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Clear();
        run.WriteRoots.Add(_requester.Files.At("src"));
        _requester.Worker.RunTool = async (action, _) =>
        {
            Wire.FileAnswer answer = await action.AskAsync(old, Wire.FileQuestion.Types.Kind.Entry);
            Assert.Equal(3, answer.Entry.File.SizeBytes);
            Wire.Completed completed = _requester.Succeed((old, "newer"), (_requester.Files.At("src/made/it"), "made"));
            completed.Outputs.Add(new DirectoryOutput(_requester.Files.VirtualAt("src/made"), 0x1ED).ToWire());
            completed.Outputs.Add(new DeletedOutput(VirtualPath.Parse(gone)).ToWire());
            return completed;
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(0, reply.Done?.Code ?? throw new InvalidOperationException(reply.ToString()));
        Assert.Equal("newer", await File.ReadAllTextAsync(old, TestContext.Current.CancellationToken));
        Assert.Equal("made", await File.ReadAllTextAsync(_requester.Files.At("src/made/it"), TestContext.Current.CancellationToken));
        Assert.False(File.Exists(gone));
    }

    [Fact]
    public async Task A_file_that_is_saved_while_the_action_waits_is_newer_than_the_output()
    {
        string input = _requester.Files.Write("src/a.cs", "class A;");
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(input);
        _requester.Worker.RunTool = async (_, cancelled) =>
        {
            await Task.Delay(20, cancelled);
            await File.WriteAllTextAsync(input, "class B;", cancelled);
            return _requester.Succeed((Output, "of A"));
        };

        await _requester.CompleteAsync(run);

        Assert.True(File.GetLastWriteTimeUtc(input) > File.GetLastWriteTimeUtc(Output));
    }

    [Fact]
    public async Task A_cut_stream_is_tried_again_and_text_is_not_repeated()
    {
        int runs = 0;
        _requester.Worker.RunTool = async (action, cancellationToken) =>
        {
            action.Say("text");
            if (Interlocked.Increment(ref runs) == 1)
            {
                action.Die();
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            return _requester.Succeed((Output, "result"));
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());

        Assert.NotNull(reply.Done);
        Assert.Equal(2u, reply.Done.Statistics.Attempts);
        Assert.Equal("text", _requester.Text);
    }

    [Fact]
    public async Task A_stream_that_is_cut_every_time_ends_without_a_verdict()
    {
        _requester.Worker.RunTool = async (action, cancellationToken) =>
        {
            action.Die();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return new Wire.Completed();
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());

        Assert.Equal(MessageCodes.ActionLost, reply.NotRun?.Code);
        Assert.False(File.Exists(Output));
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_the_action_on_the_worker()
    {
        TaskCompletionSource started = new();
        TaskCompletionSource cancelled = new();
        _requester.Worker.RunTool = async (_, cancellationToken) =>
        {
            cancellationToken.Register(cancelled.SetResult);
            started.SetResult();
            await cancelled.Task;
            return new Wire.Completed { Failure = new Wire.Failure { Code = Wire.FailureCode.Cancelled } };
        };
        using CancellationTokenSource leave = new();

        Task<Wire.DoorReply> running = _requester.RunAsync(_requester.NewRun(), leave.Token);
        await started.Task;
        await leave.CancelAsync();

        Assert.True((await running).NotRun.Cancelled);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_malformed_endpoint_is_named()
    {
        Wire.Run run = _requester.NewRun();
        run.Endpoint = "worker:8080";

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(MessageCodes.MalformedEndpoint, reply.NotRun.Code);
        Assert.Contains("worker:8080", reply.NotRun.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_path_with_two_dots_is_refused()
    {
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add("/src/../etc/passwd");

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(MessageCodes.MalformedRequest, reply.NotRun.Code);
        Assert.Contains("'..'", reply.NotRun.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_at_the_endpoint_is_said_so()
    {
        Wire.Run run = _requester.NewRun();
        run.Endpoint = "http://127.0.0.1:1";

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(MessageCodes.WorkerUnreachable, reply.NotRun.Code);
        Assert.Contains("127.0.0.1:1", reply.NotRun.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_of_another_protocol_is_refused_with_both_versions()
    {
        _requester.Worker.FirstMessage =
            new Wire.WorkerMessage { Welcome = new Wire.Welcome { ProtocolMajor = 7, ProtocolMinor = 2, Slots = 1 } };

        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());

        Assert.Equal(MessageCodes.VersionsDoNotTalk, reply.NotRun.Code);
        Assert.Contains("7.2", reply.NotRun.Message, StringComparison.Ordinal);
        Assert.Contains($"{WireConversions.ProtocolMajor}.{WireConversions.ProtocolMinor}", reply.NotRun.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_of_the_worker_reaches_the_user()
    {
        _requester.Worker.FirstMessage = new Wire.WorkerMessage
        {
            Refusal = new Wire.Refusal { Code = Wire.FailureCode.InvalidRequest, Message = "This worker speaks 2.0, you speak 1.0." },
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());

        Assert.Equal(MessageCodes.VersionsDoNotTalk, reply.NotRun.Code);
        Assert.Contains("speaks 2.0", reply.NotRun.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Actions_at_the_same_time_send_the_same_content_once()
    {
        string input = _requester.Files.Write("src/a.cs", new string('a', 100_000));
        _requester.Worker.StoreDelay = TimeSpan.FromMilliseconds(300);
        _requester.Worker.RunTool = (action, _) => Task.FromResult(_requester.Succeed((action.Execute.Command.OutputRoots[0], "x")));

        Wire.DoorReply[] replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(index =>
        {
            Wire.Run run = _requester.NewRun();
            run.Inputs.Add(input);
            run.OutputFiles[0] = _requester.Files.At($"obj/out{index}");
            return _requester.CompleteAsync(run);
        }));

        Assert.All(replies, reply => Assert.NotNull(reply.Done));
        Digest digest = Digest.Compute(File.ReadAllBytes(input));
        Assert.Single(_requester.Worker.Uploaded, digest);
        Assert.Equal(1, _requester.Worker.Connections);
    }

    [Fact]
    public async Task A_large_file_travels_both_ways()
    {
        byte[] content = new byte[5_000_000];
        Random.Shared.NextBytes(content);
        string input = _requester.Files.At("src/large");
        await File.WriteAllBytesAsync(input, content, TestContext.Current.CancellationToken);
        Wire.Run run = _requester.NewRun();
        run.Inputs.Add(input);
        _requester.Worker.RunTool = (action, _) =>
        {
            Wire.Completed completed = new() { Exit = new Wire.Exit { Code = 3 } };
            completed.Outputs.Add(new FileOutput(VirtualPath.Parse(Output), action.Fact(input)!.File.Digest.ToCore(), 0x1A4).ToWire());
            return Task.FromResult(completed);
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(3, reply.Done?.Code ?? throw new InvalidOperationException(reply.ToString()));
        Assert.Equal(content, await File.ReadAllBytesAsync(Output, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_blob_that_is_not_what_its_digest_says_writes_nothing()
    {
        await File.WriteAllTextAsync(Output, "old", TestContext.Current.CancellationToken);
        Wire.Run run = _requester.NewRun();
        run.OutputFiles.Add(_requester.Files.At("obj/second"));
        _requester.Worker.RunTool = (_, _) =>
        {
            Wire.Completed completed = _requester.Succeed((Output, "new"), (_requester.Files.At("obj/second"), "second"));
            _requester.Worker.Blobs[Digest.Compute("second"u8)] = "SECOND"u8.ToArray();
            return Task.FromResult(completed);
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.Equal(MessageCodes.BlobLost, reply.NotRun?.Code);
        Assert.Equal("old", await File.ReadAllTextAsync(Output, TestContext.Current.CancellationToken));
        Assert.Equal([Output], Directory.GetFileSystemEntries(_requester.Files.At("obj")));
    }

    [Fact]
    public async Task One_forbidden_output_writes_none()
    {
        _requester.Worker.RunTool = (_, _) =>
            Task.FromResult(_requester.Succeed((Output, "new"), (_requester.Files.At("src/evil"), "evil")));

        Wire.DoorReply reply = await _requester.CompleteAsync(_requester.NewRun());

        Assert.Equal(MessageCodes.OutputRefused, reply.NotRun?.Code);
        Assert.Empty(Directory.GetFileSystemEntries(_requester.Files.At("obj")));
        Assert.False(File.Exists(_requester.Files.At("src/evil")));
    }

    [Fact]
    public async Task A_directory_of_outputs_is_written_with_its_links()
    {
        Wire.Run run = _requester.NewRun();
        string generated = _requester.Files.At("obj/gen");
        run.OutputDirectories.Add(generated);
        _requester.Worker.RunTool = (action, _) =>
        {
            Assert.True(action.Fact(generated)!.Directory.Complete);
            Wire.Completed completed = _requester.Succeed((generated + "/d/e/f.cs", "generated"), (generated + "/empty", ""));
            completed.Outputs.Add(new SymlinkOutput(VirtualPath.Parse(generated + "/d/link"), "e/f.cs").ToWire());
            completed.Outputs.Add(new DirectoryOutput(VirtualPath.Parse(generated + "/d"), 0x1C0).ToWire());
            return Task.FromResult(completed);
        };

        Wire.DoorReply reply = await _requester.CompleteAsync(run);

        Assert.NotNull(reply.Done);
        Assert.Equal("generated", await File.ReadAllTextAsync(generated + "/d/link", TestContext.Current.CancellationToken));
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(generated + "/d"));
        Assert.Equal(0, new FileInfo(generated + "/empty").Length);
    }
}
