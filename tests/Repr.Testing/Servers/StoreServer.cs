using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Amazon.Runtime;
using Amazon.S3;
using Azure.Storage;
using Azure.Storage.Blobs;

namespace Repr.Testing.Servers;

/// <summary>A server that keeps blobs: what eng/setup.sh installs, started with an empty directory of its own. Safe for concurrent use.</summary>
public sealed class StoreServer : IAsyncDisposable
{
    /// <summary>The bucket or container that is there.</summary>
    public const string Container = "blobs";

    /// <summary>The password of Redis.</summary>
    public const string RedisPassword = "reprTestPassword";

    /// <summary>Key of the S3 gateway.</summary>
    public const string S3AccessKey = "REPRTESTACCESSKEY";

    /// <summary>Secret of the S3 gateway.</summary>
    [SuppressMessage("Security", "CA5390", Justification = "Of a server that lives as long as a test.")]
    public const string S3SecretKey = "reprTestSecretKeyOfAGatewayOnLoopback000";

    /// <summary>The account that every Azurite has.</summary>
    public const string AzureAccount = "devstoreaccount1";

    /// <summary>The key of <see cref="AzureAccount"/>, published in Azurite's documentation.</summary>
    public const string AzureKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private readonly Func<StoreServer, CancellationToken, Task<ServerProcess>> _start;
    private ServerProcess? _process;

    private StoreServer(int port, Func<StoreServer, CancellationToken, Task<ServerProcess>> start)
    {
        Port = port;
        _start = start;
    }

    /// <summary>Where it serves, on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The same as an address, for those that speak HTTP.</summary>
    public Uri Address => new($"http://127.0.0.1:{Text(Port)}");

    /// <summary>Whether it was killed.</summary>
    public bool IsKilled { get; private set; }

    /// <summary>Its directory; removed with it.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("repr-server-").FullName;

    /// <summary>Starts Redis, which keeps nothing on disk and evicts nothing unless the arguments say so.</summary>
    public static Task<StoreServer> StartRedisAsync(CancellationToken cancellationToken, params string[] arguments) => StartAsync(
        (server, token) => ServerProcess.StartAsync(
            "redis-server",
            [
                "--port", Text(server.Port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", server.Folder,
                "--maxmemory", "3gb", "--maxmemory-policy", "noeviction", "--requirepass", RedisPassword, .. arguments,
            ],
            server.Port,
            readyText: "Ready to accept connections",
            token),
        cancellationToken);

    /// <summary>Starts Azurite, the emulator of Azure Storage.</summary>
    public static Task<StoreServer> StartAzuriteAsync(CancellationToken cancellationToken) => StartAsync(
        async (server, token) =>
        {
            ServerProcess process = await ServerProcess.StartAsync(
                "node",
                [
                    Path.Combine(Repository.Root, "artifacts/servers/node_modules/azurite/dist/src/blob/main.js"),
                    "--blobHost", "127.0.0.1", "--blobPort", Text(server.Port), "--location", server.Folder, "--silent", "--skipApiVersionCheck",
                    "--disableTelemetry",
                ],
                server.Port,
                readyText: null,
                token);
            await server.ConnectToAzurite().CreateIfNotExistsAsync(cancellationToken: token);
            return process;
        },
        cancellationToken);

    /// <summary>Starts the S3 gateway of Ceph with a cluster of its own. Takes a quarter of a minute, again after a kill.</summary>
    public static Task<StoreServer> StartS3Async(CancellationToken cancellationToken) => StartAsync(
        async (server, token) =>
        {
            ServerProcess process = await ServerProcess.StartAsync(
                Path.Combine(Repository.Root, "eng/servers/radosgw.sh"),
                [server.Folder, Text(server.Port), S3AccessKey, S3SecretKey],
                server.Port,
                readyText: "ready",
                token);
            using AmazonS3Client client = server.ConnectToS3();
            await client.PutBucketAsync(Container, token);
            return process;
        },
        cancellationToken);

    /// <summary>A client of the S3 gateway.</summary>
    public AmazonS3Client ConnectToS3() => new(
        new BasicAWSCredentials(S3AccessKey, S3SecretKey),
        new AmazonS3Config
        {
            ServiceURL = Address.ToString(),
            AuthenticationRegion = "us-east-1",
            ForcePathStyle = true,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        });

    /// <summary>A client of <see cref="Container"/> of Azurite.</summary>
    public BlobContainerClient ConnectToAzurite() => new BlobServiceClient(
        new Uri(Address, AzureAccount), new StorageSharedKeyCredential(AzureAccount, AzureKey)).GetBlobContainerClient(Container);

    /// <summary>Kills it.</summary>
    public Task KillAsync()
    {
        IsKilled = true;
        return _process!.KillAsync();
    }

    /// <summary>Starts it again after a kill, on the same port and directory.</summary>
    public async Task StartAgainAsync(CancellationToken cancellationToken)
    {
        await _process!.DisposeAsync();
        _process = await _start(this, cancellationToken);
        IsKilled = false;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private static async Task<StoreServer> StartAsync(
        Func<StoreServer, CancellationToken, Task<ServerProcess>> start, CancellationToken cancellationToken)
    {
        StoreServer server = new(FreePort.Take(), start);
        try
        {
            server._process = await start(server, cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }
}
