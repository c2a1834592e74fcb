using Amazon.S3;
using Amazon.S3.Model;
using Repr.Testing.Servers;

namespace Repr.Cas.Far.Tests;

public sealed class S3ContentStoreTests(S3Fixture fixture) : FarStoreContract("s3", fixture)
{
    private const string Bucket = StoreServer.Container;

    protected override (string Name, string Wrong) Secret => ("SecretKey", "someWrongSecretKeyThatIsAsLongAsTheOther");

    protected override Dictionary<string, object?> OptionsFor(int port) => new()
    {
        ["Bucket"] = Bucket,
        ["ServiceUrl"] = $"http://127.0.0.1:{port}",
        ["AccessKey"] = StoreServer.S3AccessKey,
        ["SecretKey"] = StoreServer.S3SecretKey,
    };

    protected override Task<StoreServer> StartServerAsync(CancellationToken cancellationToken) => StoreServer.StartS3Async(cancellationToken);

    protected override async Task DamageAsync(Digest digest, int length)
    {
        using AmazonS3Client client = Server.ConnectToS3();
        using GetObjectResponse answer = await client.GetObjectAsync(Bucket, KeyOf(digest), Cancellation);
        byte[] content = new byte[length];
        await answer.ResponseStream.ReadExactlyAsync(content, Cancellation);
        content[^1] ^= 1;
        await client.PutObjectAsync(
            new PutObjectRequest { BucketName = Bucket, Key = KeyOf(digest), InputStream = new MemoryStream(content), UseChunkEncoding = false },
            Cancellation);
    }

    protected override async Task<long> StoredLengthAsync(Digest digest)
    {
        using AmazonS3Client client = Server.ConnectToS3();
        return (await client.GetObjectMetadataAsync(Bucket, KeyOf(digest), Cancellation)).ContentLength;
    }

    protected override async Task<IReadOnlyList<string>> FindLeftoversAsync()
    {
        using AmazonS3Client client = Server.ConnectToS3();
        ListMultipartUploadsResponse answer = await client.ListMultipartUploadsAsync(
            new ListMultipartUploadsRequest { BucketName = Bucket, Prefix = KeyPrefix }, Cancellation);
        return [.. (answer.MultipartUploads ?? []).Select(static upload => upload.Key)];
    }

    [Theory]
    [InlineData("None")]
    [InlineData("Zstd")]
    public async Task What_is_old_is_made_young_by_a_question(string compression)
    {
        byte[] content = new byte[100_000];
        Digest digest = Digest.Compute(content);
        using AmazonS3Client client = Server.ConnectToS3();
        IContentStore store = Make(Server.Port, ("RenewAfter", "00:00:01"), ("Compression", compression));
        await store.PutAsync(digest, new MemoryStream(content), Cancellation);
        GetObjectMetadataResponse before = await client.GetObjectMetadataAsync(Bucket, KeyOf(digest), Cancellation);
        await Task.Delay(TimeSpan.FromSeconds(2.5), Cancellation);

        Assert.Empty(await Store.FindMissingAsync([digest], Cancellation));
        GetObjectMetadataResponse unchanged = await client.GetObjectMetadataAsync(Bucket, KeyOf(digest), Cancellation);
        Assert.Empty(await store.FindMissingAsync([digest], Cancellation));
        GetObjectMetadataResponse after = await client.GetObjectMetadataAsync(Bucket, KeyOf(digest), Cancellation);

        Assert.Equal(before.LastModified, unchanged.LastModified);
        Assert.True(after.LastModified > before.LastModified);
        Assert.Equal(before.Headers.ContentEncoding, after.Headers.ContentEncoding);
        Assert.Equal(content, await ReadAsync(digest));
    }

    [Fact]
    public async Task A_bucket_that_is_not_there_is_unavailable_and_the_message_says_so()
    {
        IContentStore store = Make(Server.Port, ("Bucket", "no-such-bucket"));
        byte[] content = NewContent(10);

        ReprException failure = await AssertUnavailableAsync(
            async () => await store.PutAsync(Digest.Compute(content), new MemoryStream(content), Cancellation));

        Assert.Contains("there is no such bucket", failure.Message, StringComparison.Ordinal);
        await AssertUnavailableAsync(async () => await store.OpenAsync(Digest.Compute(content), Cancellation));
    }

    [Fact]
    public async Task A_part_of_the_smallest_size_makes_many_parts()
    {
        IContentStore store = Make(Server.Port, ("PartBytes", 5 << 20));
        const int Size = 6 * (5 << 20);
        Digest digest = await GeneratedStream.DigestAsync(Size, 10, Cancellation);

        await store.PutAsync(digest, new GeneratedStream(Size, 10), Cancellation);

        Assert.Equal(digest, await DigestOfAsync(Store, digest));
    }
}
