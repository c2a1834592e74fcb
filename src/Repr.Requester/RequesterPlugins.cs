using Microsoft.Extensions.Logging;
using Repr.Plugins;
using Repr.Requester.Actions;
using Repr.Requester.Discovery;
using Repr.Requester.Farm;
using Repr.Requester.Placement;
using Repr.Requester.Predictors;
using Repr.Requester.Security;

namespace Repr.Requester;

/// <summary>
/// The plugins that a requester's settings file names, loaded and validated, but not made yet. A wrong file does not keep the process
/// from running: every action says what is wrong, so that a build runs locally, or fails if it must.
/// </summary>
public sealed class RequesterPlugins
{
    private const string CredentialSection = "Credentials";
    private const string EndpointSetting = "Endpoint";

    private readonly (DateTime Written, long Length)? _state;
    private readonly IReadOnlyList<(EndpointPattern Workers, SelectedPlugin<ICredential> Plugin)> _credentials = [];
    private readonly RequesterTlsOptions _tls = new();
    private readonly List<string> _problems;

    private RequesterPlugins(string? path, (DateTime Written, long Length)? state, PluginSettings? settings, params string[] problems)
    {
        Path = path;
        _state = state;
        _problems = [.. problems];
        if (settings is null)
        {
            return;
        }

        Stores = settings.Select<IContentStore>("Stores");
        Predictors = settings.Select<IInputPredictor>("Predictors");
        Telemetry = settings.Select<ITelemetrySink>("Telemetry");
        Discovery = settings.Select<IWorkerDiscovery>("Discovery");
        _credentials = SelectCredentials(settings);
        _tls = settings.Bind<RequesterTlsOptions>("Tls");
        Farm = settings.Bind<FarmSettings>("Farm");
        Placement = settings.Bind<PlacementSettings>("Placement");
        _problems.AddRange([.. settings.Problems, .. Farm.FindProblems(), .. Placement.FindProblems()]);
        if (Stores.Count > 1)
        {
            _problems.Add("Stores: a requester has one; a worker may have several.");
        }
    }

    /// <summary>Section <c>Telemetry</c>: who is told what happens, besides the build record.</summary>
    public IReadOnlyList<SelectedPlugin<ITelemetrySink>> Telemetry { get; } = [];

    /// <summary>Section <c>Discovery</c>: what knows the workers behind the endpoint <c>repr://discover</c>.</summary>
    public IReadOnlyList<SelectedPlugin<IWorkerDiscovery>> Discovery { get; } = [];

    /// <summary>Section <c>Farm</c>: what a farm is told of this requester's actions.</summary>
    public FarmSettings Farm { get; } = new();

    /// <summary>Section <c>Placement</c>: bounds of what runs here by choice, and of what runs twice.</summary>
    public PlacementSettings Placement { get; } = new();

    /// <summary>No plugins.</summary>
    public static RequesterPlugins None { get; } = new(null, null, null);

    /// <summary>The settings file, whether it is there or not; null: none.</summary>
    public string? Path { get; }

    /// <summary>Section <c>Stores</c>: the content store that is shared with the workers; at most one.</summary>
    public IReadOnlyList<SelectedPlugin<IContentStore>> Stores { get; } = [];

    /// <summary>Section <c>Predictors</c>: what knows more of commands than their callers say.</summary>
    public IReadOnlyList<SelectedPlugin<IInputPredictor>> Predictors { get; } = [];

    /// <summary>All that is wrong with the settings, one sentence each, naming the setting.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Whether the settings file is as it was when it was read.</summary>
    public bool IsCurrent => Path is null || StateOf(Path) == _state;

    /// <summary>Reads the settings: <c>$REPR_CONFIG</c>, else <c>requester.json</c> in <c>$XDG_CONFIG_HOME/repr</c> or <c>~/.config/repr</c>.</summary>
    public static RequesterPlugins Select()
    {
        string? named = Environment.GetEnvironmentVariable("REPR_CONFIG") is { Length: > 0 } value ? value : null;
        string path = System.IO.Path.GetFullPath(named ?? System.IO.Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "repr", "requester.json"));
        (DateTime, long)? state = StateOf(path);
        try
        {
            // Only a file that somebody named must be there.
            return new RequesterPlugins(path, state, PluginSettings.Read(named is null && state is null ? null : path, "REPR_REQUESTER__"));
        }
        catch (ArgumentException exception)
        {
            return new RequesterPlugins(path, state, null, exception.Message);
        }
    }

    /// <summary>Notes one more thing that is wrong. Before actions run.</summary>
    public void Add(string problem) => _problems.Add(problem);

    /// <summary>Makes the predictors, with those that come with Repr.</summary>
    internal InputPredictors CreatePredictors(PluginContext context, ILogger log) =>
        new([.. Predictors.Select(plugin => plugin.Create(context))], log);

    /// <summary>Makes the sources of workers. What is wrong with them becomes a problem of the settings. Once, before actions run.</summary>
    internal IReadOnlyList<NamedDiscovery> CreateDiscovery(PluginContext context)
    {
        List<NamedDiscovery> sources = [];
        foreach (SelectedPlugin<IWorkerDiscovery> plugin in Discovery)
        {
            try
            {
                sources.Add(new NamedDiscovery(plugin.Name, plugin.Create(context)));
            }
            catch (ArgumentException exception)
            {
                _problems.Add($"Discovery: {plugin.Name}: {exception.Message}");
            }
        }

        return sources;
    }

    /// <summary>Makes what TLS and credentials need. What is wrong with them becomes a problem of the settings. Once, before actions run.</summary>
    internal WorkerAccess OpenAccess(PluginContext context)
    {
        List<BoundCredential> credentials = [];
        foreach ((EndpointPattern workers, SelectedPlugin<ICredential> plugin) in _credentials)
        {
            try
            {
                credentials.Add(new BoundCredential(workers, plugin.Create(context)));
            }
            catch (ArgumentException exception)
            {
                _problems.Add($"{CredentialSection}: {plugin.Name}: {exception.Message}");
            }
        }

        return new WorkerAccess(credentials, _tls, context.Time);
    }

    /// <summary>Does nothing if the settings are right.</summary>
    /// <exception cref="ActionFailureException">They are not; the message has all problems.</exception>
    internal void ThrowIfWrong()
    {
        if (Problems.Count > 0)
        {
            throw new ActionFailureException(
                MessageCodes.WrongSettings, ReprErrorCode.InvalidRequest, $"The requester's settings in {Path} are wrong: {string.Join(" ", Problems)}");
        }
    }

    private List<(EndpointPattern Workers, SelectedPlugin<ICredential> Plugin)> SelectCredentials(PluginSettings settings)
    {
        List<(EndpointPattern Workers, SelectedPlugin<ICredential> Plugin)> selected = [];
        foreach (SelectedPlugin<ICredential> plugin in settings.Select<ICredential>(CredentialSection, EndpointSetting))
        {
            if (EndpointPattern.TryParse(plugin.Settings[EndpointSetting], out EndpointPattern? workers, out string? problem))
            {
                selected.Add((workers, plugin));
            }
            else
            {
                _problems.Add($"{CredentialSection}: the {EndpointSetting} {problem}");
            }
        }

        return selected;
    }

    private static (DateTime Written, long Length)? StateOf(string path) =>
        new FileInfo(path) is { Exists: true } file ? (file.LastWriteTimeUtc, file.Length) : null;
}
