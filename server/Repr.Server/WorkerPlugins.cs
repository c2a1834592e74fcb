using Repr.Plugins;
using Repr.Server.Results;
using Repr.Server.Scheduling;
using Repr.Server.Security;

namespace Repr.Server;

/// <summary>The plugins that a worker's settings file names, loaded and validated, but not made yet.</summary>
internal sealed record WorkerPlugins
{
    /// <summary>Section <c>Stores</c>: content stores behind the worker's own disk, nearest first.</summary>
    public required IReadOnlyList<SelectedPlugin<IContentStore>> Stores { get; init; }

    /// <summary>Section <c>Authentication</c>: who finds out who calls, in this order. None: everybody may do everything.</summary>
    public required IReadOnlyList<SelectedPlugin<IAuthenticator>> Authenticators { get; init; }

    /// <summary>Section <c>Tls</c>.</summary>
    public required TlsOptions Tls { get; init; }

    /// <summary>Section <c>Telemetry</c>: who is told what happens.</summary>
    public required IReadOnlyList<SelectedPlugin<ITelemetrySink>> Telemetry { get; init; }

    /// <summary>Section <c>Results</c>.</summary>
    public required ResultCacheOptions Results { get; init; }

    /// <summary>Section <c>Farm</c>.</summary>
    public required FarmOptions Farm { get; init; }

    /// <summary>All that is wrong with the file, one sentence each, naming the setting.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Reads the settings file.</summary>
    /// <param name="path">The file; null: none, only the environment.</param>
    /// <exception cref="ArgumentException">The file is missing or is no JSON.</exception>
    public static WorkerPlugins Select(string? path)
    {
        PluginSettings settings = PluginSettings.Read(path, "REPR__");
        IReadOnlyList<SelectedPlugin<IContentStore>> stores = settings.Select<IContentStore>("Stores");
        IReadOnlyList<SelectedPlugin<IAuthenticator>> authenticators = settings.Select<IAuthenticator>("Authentication");
        TlsOptions tls = settings.Bind<TlsOptions>("Tls");
        IReadOnlyList<SelectedPlugin<ITelemetrySink>> telemetry = settings.Select<ITelemetrySink>("Telemetry");
        ResultCacheOptions results = settings.Bind<ResultCacheOptions>("Results");
        FarmOptions farm = settings.Bind<FarmOptions>("Farm");
        return new WorkerPlugins
        {
            Stores = stores,
            Authenticators = authenticators,
            Tls = tls,
            Telemetry = telemetry,
            Results = results,
            Farm = farm,
            Problems = [.. settings.Problems, .. farm.FindProblems()],
        };
    }
}
