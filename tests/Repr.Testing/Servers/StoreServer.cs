using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Repr.Testing.Servers;

/// <summary>A server that keeps blobs: what eng/setup.sh installs, started with an empty directory of its own. Safe for concurrent use.</summary>
public sealed class StoreServer : IAsyncDisposable
{
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
            readyLine: null,
            token),
        cancellationToken);

    /// <summary>Starts Azurite, the emulator of Azure Storage.</summary>
    public static Task<StoreServer> StartAzuriteAsync(CancellationToken cancellationToken) => StartAsync(
        (server, token) => ServerProcess.StartAsync(
            "node",
            [
                Path.Combine(ServerProcess.FindRepository(), "artifacts/servers/node_modules/azurite/dist/src/blob/main.js"),
                "--blobHost", "127.0.0.1", "--blobPort", Text(server.Port), "--location", server.Folder, "--silent", "--skipApiVersionCheck",
                "--disableTelemetry",
            ],
            server.Port,
            readyLine: null,
            token),
        cancellationToken);

    /// <summary>Starts the S3 gateway of Ceph with a cluster of its own. Takes a quarter of a minute; can't be started again.</summary>
    public static Task<StoreServer> StartS3Async(CancellationToken cancellationToken) => StartAsync(
        (server, token) => ServerProcess.StartAsync(
            Path.Combine(ServerProcess.FindRepository(), "eng/servers/radosgw.sh"),
            [server.Folder, Text(server.Port), S3AccessKey, S3SecretKey],
            server.Port,
            readyLine: "ready",
            token),
        cancellationToken);

    /// <summary>Kills it.</summary>
    public Task KillAsync() => _process!.KillAsync();

    /// <summary>Starts it again, on the same port and directory.</summary>
    public async Task StartAgainAsync(CancellationToken cancellationToken)
    {
        await _process!.DisposeAsync();
        _process = await _start(this, cancellationToken);
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
        StoreServer server = new(ServerProcess.FindPort(), start);
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
