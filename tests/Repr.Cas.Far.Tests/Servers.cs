using Repr.Cas.Far.Tests;
using Repr.Testing.Servers;

[assembly: AssemblyFixture(typeof(RedisFixture))]
[assembly: AssemblyFixture(typeof(S3Fixture))]
[assembly: AssemblyFixture(typeof(AzureFixture))]

namespace Repr.Cas.Far.Tests;

/// <summary>A server that all tests of the assembly share; started by the first that needs it.</summary>
public abstract class ServerFixture(Func<CancellationToken, Task<StoreServer>> start) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private Task<StoreServer>? _server;

    /// <summary>Starts the server, unless it runs.</summary>
    public Task<StoreServer> StartAsync()
    {
        lock (_gate)
        {
            return _server ??= start(CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_server is { IsCompletedSuccessfully: true } server)
        {
            await (await server).DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}

/// <summary>Redis.</summary>
public sealed class RedisFixture() : ServerFixture(static token => StoreServer.StartRedisAsync(token));

/// <summary>Ceph's S3 gateway.</summary>
public sealed class S3Fixture() : ServerFixture(StoreServer.StartS3Async);

/// <summary>Azurite.</summary>
public sealed class AzureFixture() : ServerFixture(StoreServer.StartAzuriteAsync);
