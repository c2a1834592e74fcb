using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Repr.Server.Services;

/// <summary>The content store's services of the Remote Execution API v2, together.</summary>
internal static class ReapiEndpoints
{
    /// <summary>Registers what the services need beyond gRPC and an <see cref="ILocalContentStore"/>.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="actionCacheDirectory">Where results of actions are kept; made when the first comes.</param>
    public static IServiceCollection AddReapi(this IServiceCollection services, string actionCacheDirectory) => services
        .AddSingleton<ContentAddressableStorageService>()
        .AddSingleton<ByteStreamService>()
        .AddSingleton<CapabilitiesService>()
        .AddSingleton(provider => new ActionCacheService(provider.GetRequiredService<ILocalContentStore>(), actionCacheDirectory));

    /// <summary>Maps the services.</summary>
    public static void MapReapi(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<ContentAddressableStorageService>();
        endpoints.MapGrpcService<ByteStreamService>();
        endpoints.MapGrpcService<CapabilitiesService>();
        endpoints.MapGrpcService<ActionCacheService>();
    }
}
