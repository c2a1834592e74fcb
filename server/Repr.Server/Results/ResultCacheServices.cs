using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Repr.Server.Peers;
using Repr.Server.Reapi;
using Repr.Server.Results.Shared;
using Repr.Server.Sessions;

namespace Repr.Server.Results;

/// <summary>The parts of the result cache, together.</summary>
internal static class ResultCacheServices
{
    /// <summary>Registers what gives known results.</summary>
    /// <param name="services">The worker's services.</param>
    /// <param name="options">The settings.</param>
    /// <param name="files">Where results are known.</param>
    /// <param name="farmKey">What the workers of its farm know in common.</param>
    /// <param name="peers">Those workers; null: there are none, or they share no results.</param>
    public static IServiceCollection AddResultCache(
        this IServiceCollection services, ResultCacheOptions options, ResultFiles files, ReadOnlyMemory<byte> farmKey, PeerContentStore? peers) => services
        .AddSingleton(options)
        .AddSingleton(new KnowledgeSeal(farmKey.Span))
        .AddSingleton(provider => new KnowledgeHome(files, provider.GetRequiredService<TimeProvider>()))
        .AddSingleton(provider => new FarmKnowledge(
            provider.GetRequiredService<KnowledgeHome>(),
            provider.GetRequiredService<KnowledgeSeal>(),
            provider.GetRequiredService<IResultIndex>(),
            peers,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FarmKnowledge>>()))
        .AddSingleton<IResultIndex>(_ => new DiskResultIndex(files))
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<ResultCache>(provider, provider.GetRequiredService<WorkerIdentity>().WorkerId))
        .AddSingleton<CachedExecutor>();
}
