using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Repr.Server.Reapi;
using Repr.Server.Sessions;

namespace Repr.Server.Results;

/// <summary>The parts of the result cache, together.</summary>
internal static class ResultCacheServices
{
    /// <summary>Registers what gives known results.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="options">The settings.</param>
    /// <param name="directory">Where results are known; made if it is missing, even when they are not used.</param>
    public static IServiceCollection AddResultCache(this IServiceCollection services, ResultCacheOptions options, string directory) => services
        .AddSingleton(options)
        .AddSingleton<IResultIndex>(provider => new DiskResultIndex(ResultFiles.Open(
            directory, options.MaximumBytes, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<ResultFiles>>())))
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<ResultCache>(provider, provider.GetRequiredService<WorkerIdentity>().WorkerId))
        .AddSingleton<CachedExecutor>();
}
