using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Repr.Server.Reapi;

namespace Repr.Server.Services;

/// <summary>The services of the Remote Execution API v2, together.</summary>
internal static class ReapiEndpoints
{
    /// <summary>Registers what the services need beyond gRPC and an <see cref="ILocalContentStore"/>; actions are not run.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="results">Where results of actions are kept.</param>
    public static IServiceCollection AddReapi(this IServiceCollection services, ResultFiles results) => services
        .AddSingleton(provider => new ActionResults(provider.GetRequiredService<ILocalContentStore>(), results))
        .AddSingleton<ContentAddressableStorageService>()
        .AddSingleton<ByteStreamService>()
        .AddSingleton<ActionCacheService>()
        .AddSingleton(provider => new CapabilitiesService(provider.GetService<ReapiOperations>() is not null))
        .AddSingleton(provider => new ExecutionService(
            provider.GetService<ReapiOperations>(), provider.GetRequiredService<IHostApplicationLifetime>()))
        .AddSingleton(provider => new OperationsService(provider.GetService<ReapiOperations>()));

    /// <summary>Lets actions be run, with the worker's executor.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="system">The worker's own files that they see.</param>
    /// <param name="platform">What they may ask for.</param>
    /// <param name="textDirectory">Where tools' text is kept while they run.</param>
    public static IServiceCollection AddReapiExecution(
        this IServiceCollection services, SystemPaths system, PlatformProperties platform, string textDirectory) => services
        .AddSingleton(system)
        .AddSingleton(platform)
        .AddSingleton<ActionReader>()
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<ReapiResources>(provider, textDirectory))
        .AddSingleton<ReapiOperations>();

    /// <summary>Maps the services.</summary>
    public static void MapReapi(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<ContentAddressableStorageService>();
        endpoints.MapGrpcService<ByteStreamService>();
        endpoints.MapGrpcService<CapabilitiesService>();
        endpoints.MapGrpcService<ActionCacheService>();
        endpoints.MapGrpcService<ExecutionService>();
        endpoints.MapGrpcService<OperationsService>();
    }
}
