using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Sessions;
using CoreDigest = Repr.Digest;

namespace Repr.Server.Tests.Services;

public sealed class ContentAddressableStorageServiceTests(WorkerFixture worker) : IClassFixture<WorkerFixture>, IDisposable
{
    private const int BatchBytes = 4 << 20;
    private readonly ReapiClient _client = new(worker);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Only_the_missing_blobs_are_named_and_never_the_empty_one()
    {
        CoreDigest there = await _client.PutAsync(ReapiClient.NewContent(100));
        CoreDigest missing = CoreDigest.Compute(ReapiClient.NewContent(100));

        FindMissingBlobsResponse response = await _client.Cas.FindMissingBlobsAsync(
            new FindMissingBlobsRequest { InstanceName = "any", BlobDigests = { there.ToReapi(), missing.ToReapi(), CoreDigest.Empty.ToReapi() } },
            cancellationToken: Cancellation);

        Assert.Equal([missing.ToReapi()], response.MissingBlobDigests);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("abc", 3)]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -1)]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1)]
    [InlineData("../../../../../../../../../../../../../../../../../../etc/passwd..", 1)]
    public Task What_is_no_digest_is_refused(string hash, long size) => ReapiClient.AssertFailsAsync(
        StatusCode.InvalidArgument,
        async () => await _client.Cas.FindMissingBlobsAsync(
            new FindMissingBlobsRequest { BlobDigests = { new Protocol.Reapi.Digest { Hash = hash, SizeBytes = size } } },
            cancellationToken: Cancellation));

    [Fact]
    public async Task Digests_of_another_function_are_refused()
    {
        const DigestFunction.Types.Value Blake3 = DigestFunction.Types.Value.Blake3; // as long as SHA-256
        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument,
            async () => await _client.Cas.FindMissingBlobsAsync(new FindMissingBlobsRequest { DigestFunction = Blake3 }, cancellationToken: Cancellation));
        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument,
            async () => await _client.Cas.BatchUpdateBlobsAsync(new BatchUpdateBlobsRequest { DigestFunction = Blake3 }, cancellationToken: Cancellation));
        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument,
            async () => await _client.Cas.BatchReadBlobsAsync(new BatchReadBlobsRequest { DigestFunction = Blake3 }, cancellationToken: Cancellation));
        GetActionResultRequest result = new() { ActionDigest = CoreDigest.Empty.ToReapi(), DigestFunction = Blake3 };
        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument, async () => await _client.Results.GetActionResultAsync(result, cancellationToken: Cancellation));
    }

    [Fact]
    public async Task A_batch_stores_each_blob_that_is_right_and_says_what_is_wrong_with_the_others()
    {
        byte[] plain = ReapiClient.NewContent(100);
        byte[] zipped = [.. new byte[5000], .. ReapiClient.NewContent(8)];
        CoreDigest wrong = CoreDigest.Compute(ReapiClient.NewContent(100));
        CoreDigest broken = CoreDigest.Compute(ReapiClient.NewContent(100));

        BatchUpdateBlobsResponse response = await UpdateAsync(
            Blob(CoreDigest.Compute(plain), plain),
            Blob(CoreDigest.Compute(zipped), Compress(zipped), Compressor.Types.Value.Zstd),
            Blob(wrong, plain),
            Blob(broken, plain, Compressor.Types.Value.Zstd),
            Blob(CoreDigest.Empty, []),
            new BatchUpdateBlobsRequest.Types.Request { Digest = new Protocol.Reapi.Digest { Hash = "abc" } },
            Blob(CoreDigest.Compute(plain), plain, Compressor.Types.Value.Brotli));

        Assert.Equal(
            [
                StatusCode.OK, StatusCode.OK, StatusCode.InvalidArgument, StatusCode.InvalidArgument, StatusCode.OK,
                StatusCode.InvalidArgument, StatusCode.InvalidArgument,
            ],
            response.Responses.Select(blob => (StatusCode)blob.Status.Code));
        Assert.Equal(plain, await _client.ReadAsync(ReapiClient.ReadName(CoreDigest.Compute(plain))));
        Assert.Equal(zipped, await _client.ReadAsync(ReapiClient.ReadName(CoreDigest.Compute(zipped))));
        Assert.False(await _client.IsThereAsync(wrong));
        Assert.False(await _client.IsThereAsync(broken));
    }

    [Fact]
    public async Task A_compressed_blob_of_many_frames_is_stored_and_one_of_another_length_is_not()
    {
        byte[] content = ReapiClient.NewContent(10_000);
        CoreDigest digest = CoreDigest.Compute(content);
        byte[] compressed = [.. Compress(content[..3000]), .. Compress(content[3000..])];

        BatchUpdateBlobsResponse shorter = await UpdateAsync(Blob(digest, Compress(content[..3000]), Compressor.Types.Value.Zstd));
        BatchUpdateBlobsResponse longer = await UpdateAsync(
            Blob(digest, [.. compressed, .. Compress([1])], Compressor.Types.Value.Zstd));
        Assert.False(await _client.IsThereAsync(digest));
        BatchUpdateBlobsResponse right = await UpdateAsync(Blob(digest, compressed, Compressor.Types.Value.Zstd));

        Assert.Equal((int)StatusCode.InvalidArgument, shorter.Responses.Single().Status.Code);
        Assert.Equal((int)StatusCode.InvalidArgument, longer.Responses.Single().Status.Code);
        Assert.Equal((int)StatusCode.OK, right.Responses.Single().Status.Code);
        Assert.Equal(content, await _client.ReadAsync(ReapiClient.ReadName(digest)));
    }

    [Fact]
    public async Task A_batch_reads_what_is_there_and_says_what_is_not()
    {
        byte[] content = ReapiClient.NewContent(100);
        CoreDigest there = await _client.PutAsync(content);
        CoreDigest missing = CoreDigest.Compute(ReapiClient.NewContent(100));

        BatchReadBlobsResponse response = await ReadAsync([there.ToReapi(), missing.ToReapi(), CoreDigest.Empty.ToReapi(), new()]);

        Assert.Equal(
            [StatusCode.OK, StatusCode.NotFound, StatusCode.OK, StatusCode.InvalidArgument],
            response.Responses.Select(blob => (StatusCode)blob.Status.Code));
        Assert.Equal(content, response.Responses[0].Data.ToByteArray());
        Assert.Equal(missing.ToReapi(), response.Responses[1].Digest);
    }

    [Fact]
    public async Task A_batch_is_compressed_only_for_who_accepts_it_and_only_where_it_helps()
    {
        byte[] text = [.. new byte[5000], .. ReapiClient.NewContent(8)];
        byte[] noise = ReapiClient.NewContent(5000);
        Protocol.Reapi.Digest[] digests = [(await _client.PutAsync(text)).ToReapi(), (await _client.PutAsync(noise)).ToReapi()];

        BatchReadBlobsResponse plain = await ReadAsync(digests);
        BatchReadBlobsResponse compressed = await ReadAsync(digests, Compressor.Types.Value.Zstd);

        Assert.All(plain.Responses, blob => Assert.Equal(Compressor.Types.Value.Identity, blob.Compressor));
        Assert.Equal(text, plain.Responses[0].Data.ToByteArray());
        Assert.Equal(Compressor.Types.Value.Zstd, compressed.Responses[0].Compressor);
        using ZstdSharp.Decompressor decompressor = new();
        Assert.Equal(text, decompressor.Unwrap(compressed.Responses[0].Data.Span).ToArray());
        Assert.Equal(Compressor.Types.Value.Identity, compressed.Responses[1].Compressor);
        Assert.Equal(noise, compressed.Responses[1].Data.ToByteArray());
    }

    [Fact]
    public async Task A_batch_of_exactly_the_limit_goes_and_one_byte_more_does_not()
    {
        byte[] half = ReapiClient.NewContent(BatchBytes / 2);
        byte[] other = ReapiClient.NewContent(BatchBytes / 2);
        byte[] one = ReapiClient.NewContent(1);
        BatchUpdateBlobsRequest.Types.Request[] exact = [Blob(CoreDigest.Compute(half), half), Blob(CoreDigest.Compute(other), other)];

        RpcException failure = await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument, () => UpdateAsync([.. exact, Blob(CoreDigest.Compute(one), one)]));
        Assert.Contains("ByteStream", failure.Status.Detail, StringComparison.Ordinal);
        Assert.False(await _client.IsThereAsync(CoreDigest.Compute(half)));
        BatchUpdateBlobsResponse response = await UpdateAsync(exact);

        Assert.All(response.Responses, blob => Assert.Equal(0, blob.Status.Code));
        Protocol.Reapi.Digest[] digests = [CoreDigest.Compute(half).ToReapi(), CoreDigest.Compute(other).ToReapi()];
        Assert.Equal(2, (await ReadAsync(digests)).Responses.Count);
        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => ReadAsync([.. digests, CoreDigest.Compute(one).ToReapi()]));
    }

    [Fact]
    public Task Sizes_whose_sum_no_number_holds_are_refused() => ReapiClient.AssertFailsAsync(
        StatusCode.InvalidArgument,
        () => ReadAsync([.. Enumerable.Repeat(new Protocol.Reapi.Digest { Hash = new string('a', 64), SizeBytes = long.MaxValue }, 3)]));

    [Fact]
    public async Task The_capabilities_are_those_that_the_services_keep()
    {
        ServerCapabilities capabilities = await _client.Capabilities.GetCapabilitiesAsync(
            new GetCapabilitiesRequest(), cancellationToken: Cancellation);

        Assert.Equal(2, capabilities.LowApiVersion.Major);
        Assert.Equal(2, capabilities.HighApiVersion.Major);
        Assert.Equal([DigestFunction.Types.Value.Sha256], capabilities.CacheCapabilities.DigestFunctions);
        Assert.Equal(BatchBytes, capabilities.CacheCapabilities.MaxBatchTotalSizeBytes);
        Assert.Equal([Compressor.Types.Value.Zstd], capabilities.CacheCapabilities.SupportedCompressors);
        Assert.Equal([Compressor.Types.Value.Zstd], capabilities.CacheCapabilities.SupportedBatchUpdateCompressors);
        Assert.True(capabilities.CacheCapabilities.ActionCacheUpdateCapabilities.UpdateEnabled);
        Assert.False(capabilities.ExecutionCapabilities.ExecEnabled);
    }

    private static BatchUpdateBlobsRequest.Types.Request Blob(
        CoreDigest digest, byte[] data, Compressor.Types.Value compressor = Compressor.Types.Value.Identity) =>
        new() { Digest = digest.ToReapi(), Data = ByteString.CopyFrom(data), Compressor = compressor };

    private static byte[] Compress(byte[] content)
    {
        using ZstdSharp.Compressor compressor = new();
        return compressor.Wrap(content).ToArray();
    }

    private async Task<BatchUpdateBlobsResponse> UpdateAsync(params BatchUpdateBlobsRequest.Types.Request[] blobs) =>
        await _client.Cas.BatchUpdateBlobsAsync(new BatchUpdateBlobsRequest { Requests = { blobs } }, cancellationToken: Cancellation);

    private async Task<BatchReadBlobsResponse> ReadAsync(Protocol.Reapi.Digest[] digests, params Compressor.Types.Value[] accepted) =>
        await _client.Cas.BatchReadBlobsAsync(
            new BatchReadBlobsRequest { Digests = { digests }, AcceptableCompressors = { accepted } }, cancellationToken: Cancellation);
}
