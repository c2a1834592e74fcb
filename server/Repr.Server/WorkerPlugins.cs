using Repr.Plugins;
using Repr.Server.Results;
using Repr.Server.Scheduling;
using Repr.Server.Security;
using Repr.Server.Services;

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

    /// <summary>
    /// Section <c>Peers</c>: makes the store that is another worker's disk, with the options that name it. Null: content is shared with nobody.
    /// </summary>
    public required Func<IReadOnlyDictionary<string, string?>, PluginContext, IContentStore>? Peers { get; init; }

    /// <summary>Content is shared with nobody because this worker has nothing to show to the others, who authenticate callers.</summary>
    public required bool HasNothingForPeers { get; init; }

    /// <summary>All that is wrong with the file, one sentence each, naming the setting.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Reads the settings file.</summary>
    /// <param name="options">Settings of the worker; they name the file.</param>
    /// <exception cref="ArgumentException">The file is missing or is no JSON.</exception>
    public static WorkerPlugins Select(WorkerOptions options)
    {
        PluginSettings settings = PluginSettings.Read(options.Configuration, "REPR__");
        IReadOnlyList<SelectedPlugin<IContentStore>> stores = settings.Select<IContentStore>("Stores");
        IReadOnlyList<SelectedPlugin<IAuthenticator>> authenticators = settings.Select<IAuthenticator>("Authentication");
        TlsOptions tls = settings.Bind<TlsOptions>("Tls");
        IReadOnlyList<SelectedPlugin<ITelemetrySink>> telemetry = settings.Select<ITelemetrySink>("Telemetry");
        ResultCacheOptions results = settings.Bind<ResultCacheOptions>("Results");
        FarmOptions farm = settings.Bind<FarmOptions>("Farm");
        settings.Ignore("Peers");
        bool shares = options.Farm is not (null or WorkerOptions.LocalFarm) && farm.SharesContent;
        bool isUnknown = shares && authenticators.Count > 0 && !settings.Has("Peers"); // the others would refuse every call
        Func<IReadOnlyDictionary<string, string?>, PluginContext, IContentStore>? peers = shares && !isUnknown
            ? settings.SelectMany<IContentStore>("Peers", "reapi", PeerOptions(SomePeer(options)))
            : null;
        return new WorkerPlugins
        {
            Stores = stores,
            Authenticators = authenticators,
            Tls = tls,
            Telemetry = telemetry,
            Results = results,
            Farm = farm,
            Peers = peers,
            HasNothingForPeers = isUnknown,
            Problems = [.. settings.Problems, .. farm.FindProblems()],
        };
    }

    /// <summary>The options that name another worker's disk.</summary>
    /// <param name="endpoint">Where that worker is reached.</param>
    public static IReadOnlyDictionary<string, string?> PeerOptions(string endpoint) => new Dictionary<string, string?>
    {
        ["Endpoint"] = endpoint,
        ["InstanceName"] = StoreInstances.DiskName,
        ["Retries"] = "0", // whoever wants it gets it elsewhere
    };

    // The options are checked before there is one: they differ in the scheme only.
    private static string SomePeer(WorkerOptions options) =>
        (options.FarmAdvertise ?? options.Listen).StartsWith("https:", StringComparison.OrdinalIgnoreCase) ? "https://worker:7070" : "http://worker:7070";
}
