using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Repr.Protocol;
using ReapiDigest = Repr.Protocol.Reapi.Digest;

namespace Repr.Server.Tests.Sessions;

using Repr.Protocol.V1; // here, so that it hides the types of Repr with the same names

/// <summary>
/// A requester written from the specification in protos/ alone: it serves this machine's files without any policy, so that the
/// worker can be tested against somebody who is not its own other half.
/// </summary>
internal sealed class TestRequester : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<RequesterMessage, WorkerMessage> _call;
    private readonly Protocol.Reapi.ContentAddressableStorage.ContentAddressableStorageClient _cas;
    private readonly SemaphoreSlim _writing = new(1);
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<Completed>> _actions = new();
    private readonly TaskCompletionSource<WorkerMessage> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;
    private long _inputTaken;

    public TestRequester(string address)
    {
        _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { MaxReceiveMessageSize = null });
        _cas = new(_channel);
        _call = new Protocol.V1.Sessions.SessionsClient(_channel).Connect();
        _reading = ReadAsync();
    }

    /// <summary>Questions that were asked: kind and path.</summary>
    public ConcurrentQueue<(FileQuestion.Types.Kind Kind, string Path)> Questions { get; } = new();

    /// <summary>Questions about many paths.</summary>
    public ConcurrentQueue<IReadOnlyList<string>> PathsQuestions { get; } = new();

    /// <summary>What was said about single paths.</summary>
    public ConcurrentDictionary<string, InputFact> Said { get; } = new(StringComparer.Ordinal);

    /// <summary>Text as it came.</summary>
    public ConcurrentQueue<Text> Texts { get; } = new();

    /// <summary>All that came of one stream so far.</summary>
    public string TextOf(Text.Types.Stream stream) =>
        string.Concat(Texts.Where(text => text.Stream == stream).Select(text => text.Data.ToStringUtf8()));

    /// <summary>Bytes of input that the worker has taken.</summary>
    public long InputTaken => Interlocked.Read(ref _inputTaken);

    /// <summary>Answers in place of this machine's files; null: no special answer.</summary>
    public Func<FileQuestion, FileAnswer?> Override { get; set; } = _ => null;

    public static RequesterMessage Hello(uint major = WireConversions.ProtocolMajor, PathStyle style = PathStyle.Unix, uint minor = 0)
    {
        Hello hello = new() { ProtocolMajor = major, ProtocolMinor = minor, ProductVersion = "9.9", PathStyle = style, Requester = "test" };
        return new RequesterMessage { Hello = hello };
    }

    public static async Task<TestRequester> ConnectAsync(string address, uint minor = 0)
    {
        TestRequester requester = new(address);
        WorkerMessage first = await requester.SendFirstAsync(Hello(minor: minor));
        Assert.Equal(WorkerMessage.MessageOneofCase.Welcome, first.MessageCase);
        return requester;
    }

    public async Task<WorkerMessage> SendFirstAsync(RequesterMessage message)
    {
        await SendAsync(message);
        return await _first.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async Task SendAsync(RequesterMessage message)
    {
        await _writing.WaitAsync();
        try
        {
            await _call.RequestStream.WriteAsync(message);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async Task<Completed> ExecuteAsync(Execute execute)
    {
        Task<Completed> completed = Expect(execute.ActionId);
        await SendAsync(new RequesterMessage { Execute = execute });
        return await completed;
    }

    public Task<Completed> Expect(ulong actionId) =>
        _actions.GetOrAdd(actionId, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>A shell command in the root directory.</summary>
    public static Execute Shell(ulong id, string script, params string[] outputRoots) => new()
    {
        ActionId = id,
        Description = script,
        Command = new Command
        {
            Arguments = { "/bin/sh", "-c", script },
            WorkingDirectory = "/",
            Environment = { ["PATH"] = "/usr/bin:/bin" },
            OutputRoots = { outputRoots },
            Uid = 1000,
            Gid = 1000,
            Umask = 0x12,
        },
    };

    public async Task UploadAsync(byte[] content)
    {
        if (content.Length > 2 << 20)
        {
            await UploadInPartsAsync(content);
            return;
        }

        Protocol.Reapi.BatchUpdateBlobsRequest request = new();
        Repr.Digest digest = Repr.Digest.Compute(content);
        request.Requests.Add(new Protocol.Reapi.BatchUpdateBlobsRequest.Types.Request
        {
            Digest = new ReapiDigest { Hash = digest.HashText, SizeBytes = digest.SizeBytes },
            Data = ByteString.CopyFrom(content),
        });
        Protocol.Reapi.BatchUpdateBlobsResponse response = await _cas.BatchUpdateBlobsAsync(request);
        Assert.Equal(0, response.Responses[0].Status?.Code ?? 0);
    }

    private async Task UploadInPartsAsync(byte[] content)
    {
        const int PartLength = 1 << 20;
        Repr.Digest digest = Repr.Digest.Compute(content);
        Protocol.Reapi.FindMissingBlobsRequest wanted = new();
        wanted.BlobDigests.Add(new ReapiDigest { Hash = digest.HashText, SizeBytes = digest.SizeBytes });
        if ((await _cas.FindMissingBlobsAsync(wanted)).MissingBlobDigests.Count == 0)
        {
            return; // a worker ends the call at once
        }

        string resource = $"uploads/{Guid.NewGuid()}/blobs/{digest}";
        using AsyncClientStreamingCall<Protocol.Reapi.WriteRequest, Protocol.Reapi.WriteResponse> call =
            new Protocol.Reapi.ByteStream.ByteStreamClient(_channel).Write();
        for (int offset = 0; offset < content.Length; offset += PartLength)
        {
            int length = Math.Min(PartLength, content.Length - offset);
            await call.RequestStream.WriteAsync(new Protocol.Reapi.WriteRequest
            {
                ResourceName = resource,
                WriteOffset = offset,
                FinishWrite = offset + length == content.Length,
                Data = ByteString.CopyFrom(content, offset, length),
            });
        }

        await call.RequestStream.CompleteAsync();
        Assert.Equal(content.Length, (await call.ResponseAsync).CommittedSize);
    }

    public async Task<byte[]> DownloadAsync(Digest digest)
    {
        Protocol.Reapi.BatchReadBlobsRequest request = new();
        Repr.Digest wanted = digest.ToCore();
        request.Digests.Add(new ReapiDigest { Hash = wanted.HashText, SizeBytes = wanted.SizeBytes });
        Protocol.Reapi.BatchReadBlobsResponse response = await _cas.BatchReadBlobsAsync(request);
        Assert.Equal(0, response.Responses[0].Status?.Code ?? 0);
        return response.Responses[0].Data.ToByteArray();
    }

    public async ValueTask DisposeAsync()
    {
        _call.Dispose();
        await _reading;
        _channel.Dispose();
        _writing.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (WorkerMessage message in _call.ResponseStream.ReadAllAsync())
            {
                _first.TrySetResult(message);
                switch (message.MessageCase)
                {
                    case WorkerMessage.MessageOneofCase.FileQuestion:
                        Questions.Enqueue((message.FileQuestion.Kind, message.FileQuestion.Path));
                        _ = Task.Run(() => AnswerAsync(message.FileQuestion));
                        break;
                    case WorkerMessage.MessageOneofCase.PathsQuestion:
                        PathsQuestions.Enqueue([.. message.PathsQuestion.Paths.Select(static input => input.Path)]);
                        _ = Task.Run(() => AnswerAsync(message.PathsQuestion));
                        break;
                    case WorkerMessage.MessageOneofCase.Text:
                        Texts.Enqueue(message.Text);
                        break;
                    case WorkerMessage.MessageOneofCase.InputTaken:
                        Interlocked.Add(ref _inputTaken, message.InputTaken.Bytes);
                        break;
                    case WorkerMessage.MessageOneofCase.Completed:
                        _ = Expect(message.Completed.ActionId);
                        _actions[message.Completed.ActionId].TrySetResult(message.Completed);
                        break;
                    default:
                        break;
                }
            }
        }
        catch (Exception gone) when (gone is RpcException or ObjectDisposedException)
        {
            foreach (TaskCompletionSource<Completed> action in _actions.Values)
            {
                action.TrySetException(gone);
            }
        }
    }

    private async Task AnswerAsync(FileQuestion question)
    {
        FileAnswer answer = Override(question) ?? new FileAnswer();
        if (answer.AnswerCase == FileAnswer.AnswerOneofCase.None)
        {
            if (question.Kind == FileQuestion.Types.Kind.Listing)
            {
                answer.Listing = new Listing();
                foreach (string path in Directory.EnumerateFileSystemEntries(question.Path))
                {
                    answer.Listing.Entries.Add(Fact(path));
                }
            }
            else
            {
                answer.Entry = Fact(question.Path);
                if (answer.Entry.FactCase == InputFact.FactOneofCase.File)
                {
                    byte[] content = await File.ReadAllBytesAsync(question.Path);
                    answer.Entry.File.Digest = Repr.Digest.Compute(content).ToWire();
                    if (content.Length > 0)
                    {
                        await UploadAsync(content);
                    }
                }

                Said[question.Path] = answer.Entry;
            }
        }

        answer.ActionId = question.ActionId;
        answer.QuestionId = question.QuestionId;
        await SendAsync(new RequesterMessage { FileAnswer = answer });
    }

    // Of each path what a single question would be answered with, if there is a file or nothing; directories are left out.
    private async Task AnswerAsync(PathsQuestion question)
    {
        PathsAnswer answer = new() { ActionId = question.ActionId, QuestionId = question.QuestionId };
        foreach (string path in question.Paths.Select(static input => input.Path).Where(static path => !Directory.Exists(path)))
        {
            InputFact fact = Fact(path);
            if (fact.FactCase == InputFact.FactOneofCase.File)
            {
                byte[] content = await File.ReadAllBytesAsync(path);
                fact.File.Digest = Repr.Digest.Compute(content).ToWire();
                await UploadAsync(content);
            }

            answer.Facts.Add(fact);
        }

        await SendAsync(new RequesterMessage { PathsAnswer = answer });
    }

    private static InputFact Fact(string path)
    {
        InputFact fact = new() { Path = path };
        FileInfo file = new(path);
        if (file.LinkTarget is { } target)
        {
            fact.SymlinkTarget = target;
        }
        else if (Directory.Exists(path))
        {
            fact.Directory = new DirectoryFact { Mode = (uint)File.GetUnixFileMode(path) };
        }
        else if (file.Exists)
        {
            fact.File = new FileFact { SizeBytes = file.Length, Mode = (uint)File.GetUnixFileMode(path) };
        }
        else
        {
            fact.Absent = new AbsentFact();
        }

        return fact;
    }
}
