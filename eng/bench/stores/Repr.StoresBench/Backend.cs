using Amazon.S3;
using Amazon.S3.Model;
using Azure.Storage.Blobs;
using Repr.Cas.AzureBlob;
using Repr.Cas.Redis;
using Repr.Cas.S3;
using Repr.Testing.Servers;
using StackExchange.Redis;

namespace Repr.StoresBench;

/// <summary>A server with the ways to use it: the client by itself, the plugin's store, and that as the host uses it.</summary>
/// <param name="Name">The plugin's name.</param>
/// <param name="Small">Blobs of 4 KiB in a round.</param>
/// <param name="Large">Blobs of 8 MiB in a round.</param>
/// <param name="Server">The server.</param>
/// <param name="Subjects">The ways; the client by itself is the first.</param>
internal sealed record Backend(string Name, int Small, int Large, StoreServer Server, IReadOnlyList<Subject> Subjects)
{
    private static PluginContext Context { get; } = new(TimeProvider.System, static _ => { });

    /// <summary>All of them, by the plugin's name.</summary>
    public static IReadOnlyDictionary<string, Func<CancellationToken, Task<Backend>>> All { get; } =
        new Dictionary<string, Func<CancellationToken, Task<Backend>>> { ["redis"] = RedisAsync, ["s3"] = S3Async, ["azure"] = AzureAsync };

    private static async Task<Backend> RedisAsync(CancellationToken cancellationToken)
    {
        StoreServer server = await StoreServer.StartRedisAsync(cancellationToken);
        string address = $"127.0.0.1:{server.Port}";
        IDatabase client = (await ConnectionMultiplexer.ConnectAsync($"{address},password={StoreServer.RedisPassword}")).GetDatabase();
        IContentStore store = new RedisPlugin().Create(
            new RedisStoreOptions { Servers = address, Password = StoreServer.RedisPassword }, Context);
        Subject raw = new(
            "client",
            async (blob, _) => await client.StringSetAsync(blob.Name, blob.Content),
            async (blob, _) =>
            {
                using Lease<byte>? value = await client.StringGetLeaseAsync(blob.Name);
                return value?.Length ?? 0;
            });
        return new Backend("redis", 20_000, 40, server, [raw, .. Stores(store, "redis")]);
    }

    private static async Task<Backend> S3Async(CancellationToken cancellationToken)
    {
        StoreServer server = await StoreServer.StartS3Async(cancellationToken);
        AmazonS3Client client = server.ConnectToS3();
        IContentStore store = new S3Plugin().Create(
            new S3StoreOptions { Bucket = StoreServer.Container, ServiceUrl = server.Address, AccessKey = StoreServer.S3AccessKey, SecretKey = StoreServer.S3SecretKey },
            Context);
        Subject raw = new(
            "client",
            async (blob, token) => await client.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = StoreServer.Container,
                    Key = blob.Name,
                    InputStream = new MemoryStream(blob.Content, writable: false),
                    UseChunkEncoding = false,
                },
                token),
            async (blob, token) =>
            {
                using GetObjectResponse answer = await client.GetObjectAsync(StoreServer.Container, blob.Name, token);
                return await Subject.DrainAsync(answer.ResponseStream, token);
            });
        return new Backend("s3", 400, 16, server, [raw, .. Stores(store, "s3")]);
    }

    private static async Task<Backend> AzureAsync(CancellationToken cancellationToken)
    {
        StoreServer server = await StoreServer.StartAzuriteAsync(cancellationToken);
        BlobContainerClient client = server.ConnectToAzurite();
        IContentStore store = new AzureBlobPlugin().Create(
            new AzureStoreOptions
            {
                Container = StoreServer.Container,
                ServiceUri = new Uri(server.Address, StoreServer.AzureAccount),
                AccountName = StoreServer.AzureAccount,
                AccountKey = StoreServer.AzureKey,
            },
            Context);
        Subject raw = new(
            "client",
            async (blob, token) => await client.GetBlobClient(blob.Name).UploadAsync(
                new MemoryStream(blob.Content, writable: false), overwrite: true, token),
            async (blob, token) =>
            {
                using Azure.Storage.Blobs.Models.BlobDownloadStreamingResult answer =
                    await client.GetBlobClient(blob.Name).DownloadStreamingAsync(options: null, token);
                return await Subject.DrainAsync(answer.Content, token);
            });
        return new Backend("azure", 200, 16, server, [raw, .. Stores(store, "azure")]);
    }

    private static IEnumerable<Subject> Stores(IContentStore store, string name) =>
        [Subject.Of("store", store), Subject.Of("store, verified", new VerifyingContentStore(store, name))];
}
