using Google.Protobuf;
using Grpc.Core;
using Repr.Protocol.Reapi;
using Repr.Server.Tests.Sessions;
using ZstdSharp;
using CoreDigest = Repr.Digest;

namespace Repr.Server.Tests.Services;

public sealed class ByteStreamServiceTests(WorkerFixture worker) : IClassFixture<WorkerFixture>, IDisposable
{
    private readonly ReapiClient _client = new(worker);

    public static TheoryData<string> BadReadNames =>
    [
        "", "blobs", "blobs/", "blobs/abc/1", $"blobs/{new string('a', 64)}", $"blobs/{new string('a', 64)}/-1", $"blobs/{new string('A', 64)}/1",
        $"blobs/{new string('a', 64)}/1/more", $"compressed-blobs/brotli/{new string('a', 64)}/1", $"blob/{new string('a', 64)}/1",
        $"../blobs/../{new string('a', 64)}/1", $"blobs/{new string('a', 300)}/1", $"blobs/{new string('a', 64)}/99999999999999999999",
    ];

    public static TheoryData<string> BadWriteNames =>
    [
        "", $"blobs/{new string('a', 64)}/1", $"uploads/not-a-guid/blobs/{new string('a', 64)}/1", "uploads",
        $"uploads/{Guid.Empty}/{new string('a', 64)}/1", $"uploads/{Guid.Empty}/blobs/../1",
        $"uploads/{Guid.Empty}/compressed-blobs/deflate/{new string('a', 64)}/1",
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(100, 7)]
    [InlineData(262_144, 262_144)]
    [InlineData(262_145, 65_536)]
    [InlineData(5_000_000, 1_000_000)]
    public async Task What_was_written_in_pieces_is_read_back(int size, int pieceLength)
    {
        byte[] content = ReapiClient.NewContent(size);
        CoreDigest digest = CoreDigest.Compute(content);

        WriteResponse response = await _client.WriteAsync(ReapiClient.WriteName(digest), content, pieceLength);

        Assert.Equal(size, response.CommittedSize);
        Assert.Equal(content, await _client.ReadAsync(ReapiClient.ReadName(digest)));
    }

    [Theory]
    [InlineData(0, 50, 0, 50)]
    [InlineData(100, 50, 100, 50)]
    [InlineData(999_000, 0, 999_000, 1000)]
    [InlineData(999_000, 5000, 999_000, 1000)]
    [InlineData(1_000_000, 0, 1_000_000, 0)]
    [InlineData(1_000_000, 10, 1_000_000, 0)]
    [InlineData(300_000, 600_000, 300_000, 600_000)]
    public async Task Offset_and_limit_give_that_part(long offset, long limit, int start, int length)
    {
        byte[] content = ReapiClient.NewContent(1_000_000);
        CoreDigest digest = await _client.PutAsync(content);

        Assert.Equal(content[start..(start + length)], await _client.ReadAsync(ReapiClient.ReadName(digest), offset, limit));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, -1)]
    [InlineData(101, 0)]
    public async Task Offset_and_limit_beyond_the_blob_are_out_of_range(long offset, long limit)
    {
        CoreDigest digest = await _client.PutAsync(ReapiClient.NewContent(100));

        await ReapiClient.AssertFailsAsync(
            StatusCode.OutOfRange, () => _client.ReadAsync(ReapiClient.ReadName(digest), offset, limit));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    public async Task A_compressed_read_is_zstd_from_the_offset_on(int size)
    {
        byte[] content = new byte[size];
        Random.Shared.NextBytes(content.AsSpan(0, size / 2));
        CoreDigest digest = await _client.PutAsync(content);

        Assert.Equal(content, Decompress(await _client.ReadAsync(ReapiClient.ReadName(digest, isCompressed: true))));
        Assert.Equal(content[300..], Decompress(await _client.ReadAsync(ReapiClient.ReadName(digest, isCompressed: true), offset: 300)));
    }

    [Fact]
    public async Task A_compressed_read_takes_no_limit()
    {
        CoreDigest digest = await _client.PutAsync(ReapiClient.NewContent(1000));

        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument, () => _client.ReadAsync(ReapiClient.ReadName(digest, isCompressed: true), 0, 10));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(1_000_000)]
    public async Task A_compressed_write_may_be_split_anywhere(int pieceLength)
    {
        byte[] content = [.. Enumerable.Range(0, 20_000).Select(i => (byte)(i * i / 7)), .. ReapiClient.NewContent(8)];
        byte[] compressed = Compress(content, frames: 3);
        CoreDigest digest = CoreDigest.Compute(content);

        WriteResponse response = await _client.WriteAsync(ReapiClient.WriteName(digest, isCompressed: true), compressed, pieceLength);

        Assert.Equal(compressed.Length, response.CommittedSize);
        Assert.Equal(content, await _client.ReadAsync(ReapiClient.ReadName(digest)));
    }

    [Fact]
    public async Task The_empty_blob_is_read_and_written_both_ways()
    {
        Assert.Equal(0, (await _client.WriteAsync(ReapiClient.WriteName(CoreDigest.Empty), [], 1)).CommittedSize);
        Assert.Empty(await _client.ReadAsync(ReapiClient.ReadName(CoreDigest.Empty)));
        Assert.Empty(Decompress(await _client.ReadAsync(ReapiClient.ReadName(CoreDigest.Empty, isCompressed: true))));
    }

    [Fact]
    public async Task An_unknown_digest_is_not_found()
    {
        CoreDigest digest = CoreDigest.Compute(ReapiClient.NewContent(10));

        RpcException failure = await ReapiClient.AssertFailsAsync(
            StatusCode.NotFound, () => _client.ReadAsync(ReapiClient.ReadName(digest)));

        Assert.Contains(digest.HashText, failure.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(BadReadNames))]
    public Task A_name_that_names_no_blob_can_not_be_read(string name) =>
        ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.ReadAsync(name));

    [Theory]
    [MemberData(nameof(BadWriteNames))]
    public Task A_name_that_names_no_upload_can_not_be_written(string name) =>
        ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(name, [1], 1));

    [Fact]
    public async Task An_instance_name_before_and_metadata_behind_are_accepted()
    {
        byte[] content = ReapiClient.NewContent(100);
        CoreDigest digest = CoreDigest.Compute(content);

        await _client.WriteAsync($"some/instance/{ReapiClient.WriteName(digest)}/file name.dll", content, 100);

        Assert.Equal(content, await _client.ReadAsync($"some/instance/{ReapiClient.ReadName(digest)}"));
    }

    [Fact]
    public Task A_write_without_a_message_is_refused() =>
        ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(Array.Empty<WriteRequest>()));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Content_that_is_not_the_digests_is_refused_and_not_stored(bool isCompressed)
    {
        CoreDigest digest = CoreDigest.Compute(ReapiClient.NewContent(1000));
        byte[] other = ReapiClient.NewContent(1000);

        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(
            ReapiClient.WriteName(digest, isCompressed), isCompressed ? Compress(other, frames: 1) : other, 100));

        Assert.False(await _client.IsThereAsync(digest));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task Content_of_another_length_is_refused_and_not_stored(int difference)
    {
        byte[] content = ReapiClient.NewContent(1000);
        CoreDigest digest = CoreDigest.Compute(content);
        byte[] other = difference < 0 ? content[..^1] : [.. content, 0];

        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument, () => _client.WriteAsync(ReapiClient.WriteName(digest), other, 100));

        Assert.False(await _client.IsThereAsync(digest));
    }

    [Fact]
    public async Task Content_that_is_no_zstd_is_refused_and_not_stored()
    {
        byte[] content = ReapiClient.NewContent(1000);
        CoreDigest digest = CoreDigest.Compute(content);

        await ReapiClient.AssertFailsAsync(
            StatusCode.InvalidArgument, () => _client.WriteAsync(ReapiClient.WriteName(digest, isCompressed: true), content, 100));

        Assert.False(await _client.IsThereAsync(digest));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    public async Task A_truncated_zstd_stream_is_refused_and_not_stored(int cut)
    {
        byte[] content = ReapiClient.NewContent(1000);
        CoreDigest digest = CoreDigest.Compute(content);

        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(
            ReapiClient.WriteName(digest, isCompressed: true), Compress(content, frames: 1)[..^cut], 100));

        Assert.False(await _client.IsThereAsync(digest));
    }

    [Fact]
    public async Task Little_zstd_that_becomes_endless_is_refused()
    {
        CoreDigest digest = CoreDigest.Compute(ReapiClient.NewContent(1000));

        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(
            ReapiClient.WriteName(digest, isCompressed: true), Compress(new byte[100_000_000], frames: 1), 100_000));

        Assert.False(await _client.IsThereAsync(digest));
    }

    [Fact]
    public async Task A_write_that_ends_without_its_end_is_refused_although_all_bytes_came()
    {
        byte[] content = ReapiClient.NewContent(1000);
        CoreDigest digest = CoreDigest.Compute(content);

        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(
            [new WriteRequest { ResourceName = ReapiClient.WriteName(digest), Data = ByteString.CopyFrom(content) }]));

        Assert.False(await _client.IsThereAsync(digest));
    }

    [Fact]
    public async Task A_write_that_is_cut_is_not_stored_and_can_be_done_again()
    {
        byte[] content = ReapiClient.NewContent(1_000_000);
        CoreDigest digest = CoreDigest.Compute(content);
        using (AsyncClientStreamingCall<WriteRequest, WriteResponse> call = _client.Bytes.Write(cancellationToken: Cancellation))
        {
            await call.RequestStream.WriteAsync(
                new WriteRequest { ResourceName = ReapiClient.WriteName(digest), Data = ByteString.CopyFrom(content, 0, 500_000) },
                Cancellation);
        }

        Assert.False(await _client.IsThereAsync(digest));
        await _client.PutAsync(content);
        Assert.True(await _client.IsThereAsync(digest));
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(0, 15)]
    [InlineData(3, 13)]
    public async Task Offsets_with_a_gap_or_an_overlap_are_refused(long first, long second)
    {
        byte[] content = ReapiClient.NewContent(20);
        CoreDigest digest = CoreDigest.Compute(content);

        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(
        [
            new WriteRequest { ResourceName = ReapiClient.WriteName(digest), WriteOffset = first, Data = ByteString.CopyFrom(content, 0, 10) },
            new WriteRequest { WriteOffset = second, FinishWrite = true, Data = ByteString.CopyFrom(content, 10, 10) },
        ]));

        Assert.False(await _client.IsThereAsync(digest));
    }

    [Fact]
    public async Task A_write_can_not_go_on_under_another_name()
    {
        byte[] content = ReapiClient.NewContent(20);
        CoreDigest digest = CoreDigest.Compute(content);

        await ReapiClient.AssertFailsAsync(StatusCode.InvalidArgument, () => _client.WriteAsync(
        [
            new WriteRequest { ResourceName = ReapiClient.WriteName(digest), Data = ByteString.CopyFrom(content, 0, 10) },
            new WriteRequest
            {
                ResourceName = ReapiClient.WriteName(digest),
                WriteOffset = 10,
                FinishWrite = true,
                Data = ByteString.CopyFrom(content, 10, 10),
            },
        ]));
    }

    [Fact]
    public async Task A_write_of_what_is_there_is_answered_before_it_ends()
    {
        byte[] content = ReapiClient.NewContent(3_000);
        CoreDigest digest = await _client.PutAsync(content);
        using AsyncClientStreamingCall<WriteRequest, WriteResponse> call = _client.Bytes.Write(cancellationToken: Cancellation);

        await call.RequestStream.WriteAsync(
            new WriteRequest { ResourceName = ReapiClient.WriteName(digest), Data = ByteString.CopyFrom(content, 0, 1_000) }, Cancellation);
        WriteResponse response = await call;

        Assert.Equal(content.Length, response.CommittedSize);
    }

    [Fact]
    public async Task A_write_of_what_is_there_may_go_on_to_its_end()
    {
        byte[] content = ReapiClient.NewContent(3_000_000);
        CoreDigest digest = await _client.PutAsync(content);
        using AsyncClientStreamingCall<WriteRequest, WriteResponse> call = _client.Bytes.Write(cancellationToken: Cancellation);

        // To end a call while its client writes may end the connection, with whatever else goes over it.
        foreach (WriteRequest piece in ReapiClient.Split(ReapiClient.WriteName(digest), content, 100_000))
        {
            await call.RequestStream.WriteAsync(piece, Cancellation);
        }

        await call.RequestStream.CompleteAsync();
        Assert.Equal(content.Length, (await call).CommittedSize);
    }

    [Fact]
    public async Task A_write_of_what_is_there_is_answered_with_its_size()
    {
        byte[] content = ReapiClient.NewContent(3_000_000);
        CoreDigest digest = await _client.PutAsync(content);

        WriteResponse plain = await _client.WriteAsync(ReapiClient.WriteName(digest), content, 100_000);
        WriteResponse compressed = await _client.WriteAsync(
            ReapiClient.WriteName(digest, isCompressed: true), Compress(content, frames: 1), 100_000);

        Assert.Equal(content.Length, plain.CommittedSize);
        Assert.Equal(-1, compressed.CommittedSize);
    }

    [Fact]
    public async Task The_status_of_a_write_is_all_or_nothing()
    {
        byte[] content = ReapiClient.NewContent(1000);
        string name = ReapiClient.WriteName(CoreDigest.Compute(content));
        QueryWriteStatusRequest question = new() { ResourceName = name };

        QueryWriteStatusResponse before = await _client.Bytes.QueryWriteStatusAsync(question, cancellationToken: Cancellation);
        await _client.WriteAsync(name, content, 100);
        QueryWriteStatusResponse after = await _client.Bytes.QueryWriteStatusAsync(question, cancellationToken: Cancellation);

        Assert.Equal((0, false), (before.CommittedSize, before.Complete));
        Assert.Equal((1000, true), (after.CommittedSize, after.Complete));
    }

    [Theory]
    [MemberData(nameof(BadWriteNames))]
    public Task The_status_of_no_upload_is_refused(string name) => ReapiClient.AssertFailsAsync(
        StatusCode.InvalidArgument,
        async () => await _client.Bytes.QueryWriteStatusAsync(new QueryWriteStatusRequest { ResourceName = name }, cancellationToken: Cancellation));

    private static byte[] Compress(byte[] content, int frames)
    {
        using ZstdSharp.Compressor compressor = new();
        int length = Math.Max(1, (content.Length + frames - 1) / frames);
        return [.. content.Chunk(length).SelectMany(part => compressor.Wrap(part).ToArray())];
    }

    private static byte[] Decompress(byte[] compressed)
    {
        using DecompressionStream stream = new(new MemoryStream(compressed));
        using MemoryStream content = new();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
