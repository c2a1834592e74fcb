using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Sessions;
using CoreDigest = Repr.Digest;

namespace Repr.Server.Tests.Services;

/// <summary>A client of the worker's content services that sends exactly what a test wants, right or wrong.</summary>
internal sealed class ReapiClient : IDisposable
{
    private readonly GrpcChannel _channel;

    public ReapiClient(WorkerFixture worker)
    {
        Assert.SkipWhen(worker.WhyUnavailable is not null, worker.WhyUnavailable ?? "");
        _channel = GrpcChannel.ForAddress(worker.Address, new GrpcChannelOptions { MaxReceiveMessageSize = 8 << 20 });
        Cas = new ContentAddressableStorage.ContentAddressableStorageClient(_channel);
        Bytes = new ByteStream.ByteStreamClient(_channel);
        Results = new ActionCache.ActionCacheClient(_channel);
        Capabilities = new Capabilities.CapabilitiesClient(_channel);
        Execution = new Protocol.Reapi.Execution.ExecutionClient(_channel);
        Operations = new Operations.OperationsClient(_channel);
    }

    public ContentAddressableStorage.ContentAddressableStorageClient Cas { get; }

    public ByteStream.ByteStreamClient Bytes { get; }

    public ActionCache.ActionCacheClient Results { get; }

    public Capabilities.CapabilitiesClient Capabilities { get; }

    public Protocol.Reapi.Execution.ExecutionClient Execution { get; }

    public Operations.OperationsClient Operations { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _channel.Dispose();

    public static byte[] NewContent(int length) => RandomNumberGenerator.GetBytes(length);

    public static string WriteName(CoreDigest digest, bool isCompressed = false) =>
        new BlobResourceName(digest, isCompressed).ToWriteName(Guid.NewGuid());

    public static string ReadName(CoreDigest digest, bool isCompressed = false) => new BlobResourceName(digest, isCompressed).ToReadName();

    public async Task<bool> IsThereAsync(CoreDigest digest)
    {
        FindMissingBlobsResponse response = await Cas.FindMissingBlobsAsync(
            new FindMissingBlobsRequest { BlobDigests = { digest.ToReapi() } }, cancellationToken: Cancellation);
        return response.MissingBlobDigests.Count == 0;
    }

    public async Task<CoreDigest> PutAsync(byte[] content)
    {
        CoreDigest digest = CoreDigest.Compute(content);
        await WriteAsync(WriteName(digest), content, content.Length);
        return digest;
    }

    /// <summary>Writes content in pieces, with the offsets and the end that the API asks for.</summary>
    public Task<WriteResponse> WriteAsync(string name, byte[] content, int pieceLength) => WriteAsync(Split(name, content, pieceLength));

    /// <summary>The messages that write content in pieces.</summary>
    public static List<WriteRequest> Split(string name, byte[] content, int pieceLength)
    {
        List<WriteRequest> pieces = [];
        int offset = 0;
        do
        {
            int length = Math.Min(Math.Max(1, pieceLength), content.Length - offset);
            pieces.Add(new WriteRequest
            {
                ResourceName = offset == 0 ? name : "",
                WriteOffset = offset,
                FinishWrite = offset + length == content.Length,
                Data = ByteString.CopyFrom(content, offset, length),
            });
            offset += length;
        }
        while (offset < content.Length);

        return pieces;
    }

    public async Task<WriteResponse> WriteAsync(IEnumerable<WriteRequest> pieces)
    {
        using AsyncClientStreamingCall<WriteRequest, WriteResponse> call = Bytes.Write(cancellationToken: Cancellation);
        try
        {
            foreach (WriteRequest piece in pieces)
            {
                await call.RequestStream.WriteAsync(piece, Cancellation);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (exception is RpcException or InvalidOperationException)
        {
            // The worker has answered before all was sent; what it said comes below.
        }

        return await call;
    }

    public async Task<byte[]> ReadAsync(string name, long offset = 0, long limit = 0)
    {
        using AsyncServerStreamingCall<ReadResponse> call = Bytes.Read(
            new ReadRequest { ResourceName = name, ReadOffset = offset, ReadLimit = limit }, cancellationToken: Cancellation);
        using MemoryStream content = new();
        await foreach (ReadResponse piece in call.ResponseStream.ReadAllAsync(Cancellation))
        {
            piece.Data.WriteTo(content);
        }

        return content.ToArray();
    }

    public static async Task<RpcException> AssertFailsAsync(StatusCode code, Func<Task> call)
    {
        RpcException failure = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(failure.StatusCode == code, $"Expected {code}: {failure.Status}");
        Assert.NotEmpty(failure.Status.Detail);
        return failure;
    }
}
