using Repr.Testing.Servers;

namespace Repr.Testing.SharedStores;

/// <summary>
/// The servers of Redis, S3 and Azure, each one for all tests of a run: started by the first that needs it, and again by the next one after
/// it was killed. A store of a test is a part of it with names of its own. For one test at a time.
/// </summary>
public sealed class StoreServers : IAsyncDisposable
{
    private static readonly Dictionary<string, Kind> Kinds = new(StringComparer.Ordinal)
    {
        // What was answered outlives a kill.
        ["redis"] = new(
            static token => StoreServer.StartRedisAsync(
                token, "--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"),
            static server => new Dictionary<string, object>
            {
                ["Servers"] = server.Address.Authority,
                ["Password"] = StoreServer.RedisPassword,
            }),
        ["s3"] = new(
            StoreServer.StartS3Async,
            static server => new Dictionary<string, object>
            {
                ["ServiceUrl"] = server.Address,
                ["Bucket"] = StoreServer.Container,
                ["AccessKey"] = StoreServer.S3AccessKey,
                ["SecretKey"] = StoreServer.S3SecretKey,
            }),
        ["azure"] = new(
            StoreServer.StartAzuriteAsync,
            static server => new Dictionary<string, object>
            {
                ["ServiceUri"] = new Uri(server.Address, StoreServer.AzureAccount),
                ["Container"] = StoreServer.Container,
                ["AccountName"] = StoreServer.AzureAccount,
                ["AccountKey"] = StoreServer.AzureKey,
            }),
    };

    private readonly Dictionary<string, StoreServer> _servers = new(StringComparer.Ordinal);

    /// <summary>Their names: those of the plugins.</summary>
    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <summary>An empty store on a server that runs.</summary>
    public async Task<TestStore> NewStoreAsync(string name, CancellationToken cancellationToken)
    {
        if (!_servers.TryGetValue(name, out StoreServer? server))
        {
            _servers[name] = server = await Kinds[name].StartAsync(cancellationToken);
        }
        else if (server.IsKilled)
        {
            await server.StartAgainAsync(cancellationToken);
        }

        return new ServerTestStore(name, server, Kinds[name].OptionsOf(server));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (StoreServer server in _servers.Values)
        {
            await server.DisposeAsync();
        }
    }

    private sealed record Kind(
        Func<CancellationToken, Task<StoreServer>> StartAsync, Func<StoreServer, IReadOnlyDictionary<string, object>> OptionsOf);

    private sealed class ServerTestStore(string plugin, StoreServer server, IReadOnlyDictionary<string, object> options) : TestStore
    {
        public override string Plugin => plugin;

        public override IReadOnlyDictionary<string, object> Options { get; } =
            new Dictionary<string, object>(options) { ["KeyPrefix"] = $"test-{Guid.NewGuid():N}/" };

        public override Task KillAsync() => server.KillAsync();

        public override Task RestartAsync() => server.StartAgainAsync(CancellationToken.None);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask; // the server is for the next test too
    }
}
