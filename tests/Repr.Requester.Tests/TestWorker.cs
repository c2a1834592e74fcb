using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Wire = Repr.Protocol.V1;

namespace Repr.Requester.Tests;

/// <summary>
/// A worker's side of the wire on a real socket, whose "tool" is a function of the test: it can ask, write text and blobs, and
/// answer rightly or wrongly, which a correct worker would never do.
/// </summary>
internal sealed class TestWorker : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ConcurrentBag<ChannelWriter<Wire.WorkerMessage>> _sessions = [];

    private TestWorker(WebApplication application) => _application = application;

    public delegate Task<Wire.Completed> Tool(TestAction action, CancellationToken cancellationToken);

    public Uri Endpoint { get; private set; } = null!;

    public Tool RunTool { get; set; } = (_, _) => Task.FromResult(new Wire.Completed { Exit = new Wire.Exit { Code = 0 } });

    public Action<Wire.ToolInput> OnInput { get; set; } = _ => { };

    public Wire.WorkerMessage FirstMessage { get; set; } = new()
    {
        Welcome = new Wire.Welcome { ProtocolMajor = 1, Slots = 2, QueueLimit = 2, WorkerId = "test-worker", Workspace = "test" },
    };

    public ConcurrentDictionary<Digest, byte[]> Blobs { get; } = new();

    public ConcurrentBag<Digest> Uploaded { get; } = [];

    public TimeSpan StoreDelay { get; set; }

    /// <summary>What it answers to every call without having read a word; null: it serves.</summary>
    public StatusCode? Refusal { get; set; }

    public int Connections;

    public static async Task<TestWorker> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = 64 << 20);
        TestWorker? worker = null;
        builder.Services.AddSingleton(_ => worker!);
        WebApplication application = builder.Build();
        worker = new TestWorker(application);
        application.Use((context, next) =>
        {
            if (worker.Refusal is not { } status)
            {
                return next(context);
            }

            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = ((int)status).ToString(CultureInfo.InvariantCulture);
            return Task.CompletedTask;
        });
        application.MapGrpcService<SessionsService>();
        application.MapGrpcService<StoreService>();
        application.MapGrpcService<StreamService>();
        application.MapGrpcService<CapabilitiesService>();
        await application.StartAsync();
        worker.Endpoint =
            new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return worker;
    }

    /// <summary>Says something in all sessions.</summary>
    public void Send(Wire.WorkerMessage message) => Assert.All(_sessions, session => session.TryWrite(message));

    public Digest Put(byte[] content)
    {
        Digest digest = Digest.Compute(content);
        Blobs[digest] = content;
        return digest;
    }

    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource atOnce = new();
        await atOnce.CancelAsync();
        await _application.StopAsync(atOnce.Token);
        await _application.DisposeAsync();
    }

    internal sealed class SessionsService(TestWorker worker) : Wire.Sessions.SessionsBase
    {
        public override async Task Connect(
            IAsyncStreamReader<Wire.RequesterMessage> requestStream, IServerStreamWriter<Wire.WorkerMessage> responseStream, ServerCallContext context)
        {
            Interlocked.Increment(ref worker.Connections);
            await requestStream.MoveNext(context.CancellationToken);
            await responseStream.WriteAsync(worker.FirstMessage);
            if (worker.FirstMessage.Welcome is null)
            {
                return;
            }

            Channel<Wire.WorkerMessage> outgoing = Channel.CreateUnbounded<Wire.WorkerMessage>();
            worker._sessions.Add(outgoing.Writer);
            ConcurrentDictionary<ulong, TestAction> actions = new();
            Task writing = WriteAsync();
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                Wire.RequesterMessage message = requestStream.Current;
                if (message.Execute is { } execute)
                {
                    TestAction action = actions[execute.ActionId] = new TestAction(execute, outgoing.Writer, context);
                    _ = RunAsync(action);
                }
                else if (message.FileAnswer is { } answer)
                {
                    actions[answer.ActionId].Answer(answer);
                }
                else if (message.PathsAnswer is { } pathsAnswer)
                {
                    actions[pathsAnswer.ActionId].Answer(pathsAnswer);
                }
                else if (message.ActionInput?.Input is { } input)
                {
                    worker.OnInput(input);
                }
                else if (message.Cancel is { } cancel && actions.TryGetValue(cancel.ActionId, out TestAction? cancelled))
                {
                    await cancelled.Cancelled.CancelAsync();
                }
            }

            await writing;

            async Task WriteAsync()
            {
                await foreach (Wire.WorkerMessage message in outgoing.Reader.ReadAllAsync(context.CancellationToken))
                {
                    await responseStream.WriteAsync(message);
                }
            }

            async Task RunAsync(TestAction action)
            {
                Wire.Completed completed = await worker.RunTool(action, action.Cancelled.Token);
                completed.ActionId = action.Execute.ActionId;
                outgoing.Writer.TryWrite(new Wire.WorkerMessage { Completed = completed });
            }
        }
    }

    internal sealed class StoreService(TestWorker worker) : ContentAddressableStorage.ContentAddressableStorageBase
    {
        public override Task<FindMissingBlobsResponse> FindMissingBlobs(FindMissingBlobsRequest request, ServerCallContext context)
        {
            FindMissingBlobsResponse response = new();
            response.MissingBlobDigests.AddRange(request.BlobDigests.Where(digest => !worker.Blobs.ContainsKey(digest.ToCore())));
            return Task.FromResult(response);
        }

        public override async Task<BatchUpdateBlobsResponse> BatchUpdateBlobs(BatchUpdateBlobsRequest request, ServerCallContext context)
        {
            await Task.Delay(worker.StoreDelay, context.CancellationToken);
            BatchUpdateBlobsResponse response = new();
            foreach (BatchUpdateBlobsRequest.Types.Request blob in request.Requests)
            {
                worker.Put(blob.Data.ToByteArray());
                worker.Uploaded.Add(blob.Digest.ToCore());
                response.Responses.Add(new BatchUpdateBlobsResponse.Types.Response { Digest = blob.Digest });
            }

            return response;
        }

        public override Task<BatchReadBlobsResponse> BatchReadBlobs(BatchReadBlobsRequest request, ServerCallContext context)
        {
            BatchReadBlobsResponse response = new();
            foreach (Protocol.Reapi.Digest digest in request.Digests)
            {
                bool found = worker.Blobs.TryGetValue(digest.ToCore(), out byte[]? content);
                response.Responses.Add(new BatchReadBlobsResponse.Types.Response
                {
                    Digest = digest,
                    Data = ByteString.CopyFrom(content ?? []),
                    Status = new Protocol.Reapi.Status { Code = found ? 0 : (int)StatusCode.NotFound, Message = found ? "" : "not there" },
                });
            }

            return Task.FromResult(response);
        }
    }

    internal sealed class StreamService(TestWorker worker) : ByteStream.ByteStreamBase
    {
        public override async Task Read(ReadRequest request, IServerStreamWriter<ReadResponse> responseStream, ServerCallContext context)
        {
            Assert.True(Digest.TryParse(request.ResourceName.AsSpan("blobs/".Length), out Digest digest));
            byte[] content = worker.Blobs.TryGetValue(
                digest, out byte[]? found) ? found : throw new RpcException(new Grpc.Core.Status(StatusCode.NotFound, "not there"));
            foreach (byte[] chunk in content.Chunk(256 << 10))
            {
                await responseStream.WriteAsync(new ReadResponse { Data = ByteString.CopyFrom(chunk) });
            }
        }

        public override async Task<WriteResponse> Write(IAsyncStreamReader<WriteRequest> requestStream, ServerCallContext context)
        {
            using MemoryStream received = new();
            string resource = "";
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                WriteRequest request = requestStream.Current;
                resource = request.ResourceName.Length > 0 ? request.ResourceName : resource;
                Assert.Equal(received.Length, request.WriteOffset);
                received.Write(request.Data.Span);
            }

            long committed = received.Length;
            byte[] content = received.ToArray();
            if (resource.Contains("compressed-blobs/zstd", StringComparison.Ordinal))
            {
                using MemoryStream plain = new();
                using ZstdSharp.DecompressionStream decoder = new(new MemoryStream(content));
                await decoder.CopyToAsync(plain);
                content = plain.ToArray();
            }

            worker.Uploaded.Add(worker.Put(content));
            return new WriteResponse { CommittedSize = committed };
        }
    }

    internal sealed class CapabilitiesService : Capabilities.CapabilitiesBase
    {
        public override Task<ServerCapabilities> GetCapabilities(GetCapabilitiesRequest request, ServerCallContext context)
        {
            CacheCapabilities cache = new() { MaxBatchTotalSizeBytes = 4 << 20 };
            cache.DigestFunctions.Add(DigestFunction.Types.Value.Sha256);
            cache.SupportedCompressors.Add(Compressor.Types.Value.Zstd);
            return Task.FromResult(new ServerCapabilities { CacheCapabilities = cache });
        }
    }
}

/// <summary>One action as the test's tool sees it.</summary>
internal sealed class TestAction(Wire.Execute execute, ChannelWriter<Wire.WorkerMessage> outgoing, ServerCallContext context)
{
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<Wire.FileAnswer>> _questions = new();
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<Wire.PathsAnswer>> _pathsQuestions = new();
    private ulong _lastQuestion;

    public Wire.Execute Execute => execute;

    public CancellationTokenSource Cancelled { get; } = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);

    public Task<Wire.FileAnswer> AskAsync(string path, Wire.FileQuestion.Types.Kind kind)
    {
        ulong id = Interlocked.Increment(ref _lastQuestion);
        TaskCompletionSource<Wire.FileAnswer> answer = _questions[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        outgoing.TryWrite(new Wire.WorkerMessage
        {
            FileQuestion = new Wire.FileQuestion { ActionId = execute.ActionId, QuestionId = id, Path = path, Kind = kind },
        });
        return answer.Task.WaitAsync(Cancelled.Token);
    }

    public Task<Wire.PathsAnswer> AskManyAsync(params (string Path, Wire.ObservedInput.Types.Kind Kind)[] paths)
    {
        ulong id = Interlocked.Increment(ref _lastQuestion);
        TaskCompletionSource<Wire.PathsAnswer> answer = _pathsQuestions[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Wire.PathsQuestion question = new() { ActionId = execute.ActionId, QuestionId = id };
        question.Paths.AddRange(paths.Select(static path => new Wire.ObservedInput { Path = path.Path, Kind = path.Kind }));
        outgoing.TryWrite(new Wire.WorkerMessage { PathsQuestion = question });
        return answer.Task.WaitAsync(Cancelled.Token);
    }

    public void Answer(Wire.PathsAnswer answer) => _pathsQuestions[answer.QuestionId].SetResult(answer);

    public void Answer(Wire.FileAnswer answer) => _questions[answer.QuestionId].SetResult(answer);

    public void Say(string text) => outgoing.TryWrite(new Wire.WorkerMessage
    {
        Text = new Wire.Text { ActionId = execute.ActionId, Stream = Wire.Text.Types.Stream.Stdout, Data = ByteString.CopyFromUtf8(text) },
    });

    /// <summary>Cuts the stream, as a killed worker does.</summary>
    public void Die() => context.GetHttpContext().Abort();

    public Wire.InputFact? Fact(string path) => execute.Inputs.SingleOrDefault(fact => fact.Path == path);
}
