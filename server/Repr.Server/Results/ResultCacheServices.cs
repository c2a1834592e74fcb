using Microsoft.Extensions.DependencyInjection;
using Repr.Server.Reapi;
using Repr.Server.Sessions;

namespace Repr.Server.Results;

/// <summary>The parts of the result cache, together.</summary>
internal static class ResultCacheServices
{
    /// <summary>Registers what gives known results.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="options">The settings.</param>
    /// <param name="files">Where results are known.</param>
    public static IServiceCollection AddResultCache(this IServiceCollection services, ResultCacheOptions options, ResultFiles files) => services
        .AddSingleton(options)
        .AddSingleton<IResultIndex>(_ => new DiskResultIndex(files))
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<ResultCache>(provider, provider.GetRequiredService<WorkerIdentity>().WorkerId))
        .AddSingleton<CachedExecutor>();
}
