using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Repr.Cas;
using Repr.Protocol.Reapi;
using Repr.Server.Reapi;
using Repr.Server.Results;
using Repr.Server.Security;
using Repr.Server.Services;

namespace Repr.Server.Tests.Services;

/// <summary>The storage services alone over a real disk store, on a real connection on a free port.</summary>
public sealed class ReapiFixture : IAsyncLifetime
{
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("repr-reapi-").FullName;
    private DiskContentStore? _store;
    private WebApplication? _application;
    private GrpcChannel? _channel;

    public ActionCache.ActionCacheClient Results => new(_channel);

    /// <summary>Bound of the action cache: 256 results of a block.</summary>
    public const int ActionCacheBytes = 1 << 20;

    public string ActionCachePath => Path.Combine(_directory, "results");

    public async ValueTask InitializeAsync()
    {
        _store = await DiskContentStore.OpenAsync(
            new DiskContentStoreOptions { Path = Path.Combine(_directory, "cas"), MaximumBytes = 64 << 20 },
            TimeProvider.System,
            NullLogger.Instance,
            CancellationToken.None);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<ILocalContentStore>(_store).AddCallers(new CallerAuthenticators([])).AddReapi(
            ResultFiles.Open(ActionCachePath, ActionCacheBytes, TimeProvider.System, NullLogger.Instance));
        builder.Services.AddSingleton(TimeProvider.System).AddResultCache(
            new ResultCacheOptions(),
            ResultFiles.Open(Path.Combine(_directory, "results"), ActionCacheBytes, TimeProvider.System, NullLogger.Instance),
            farmKey: default,
            peers: null);
        _application = builder.Build();
        _application.UseAuthentication();
        _application.UseAuthorization();
        _application.MapReapi();
        await _application.StartAsync();
        _channel = GrpcChannel.ForAddress(_application.Urls.First());
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }

        await _store!.DisposeAsync();
        System.IO.Directory.Delete(_directory, recursive: true);
    }
}
