using Microsoft.Extensions.Logging;
using Repr.Plugins;
using Repr.Requester.Actions;
using Repr.Requester.Predictors;

namespace Repr.Requester;

/// <summary>
/// The plugins that a requester's settings file names, loaded and validated, but not made yet. A wrong file does not keep the process
/// from running: every action says what is wrong, so that a build runs locally, or fails if it must. Immutable.
/// </summary>
public sealed record RequesterPlugins
{
    private readonly (DateTime Written, long Length)? _state;

    private RequesterPlugins(string? path, (DateTime Written, long Length)? state, PluginSettings? settings, params IReadOnlyList<string> problems)
    {
        Path = path;
        _state = state;
        Problems = problems;
        if (settings is null)
        {
            return;
        }

        Stores = settings.Select<IContentStore>("Stores");
        Predictors = settings.Select<IInputPredictor>("Predictors");
        Telemetry = settings.Select<ITelemetrySink>("Telemetry");
        Problems = [.. problems, .. settings.Problems, .. Stores.Count > 1 ? ["Stores: a requester has one; a worker may have several."] : Array.Empty<string>()];
    }

    /// <summary>Section <c>Telemetry</c>: who is told what happens, besides the build record.</summary>
    public IReadOnlyList<SelectedPlugin<ITelemetrySink>> Telemetry { get; } = [];

    /// <summary>No plugins.</summary>
    public static RequesterPlugins None { get; } = new(null, null, null);

    /// <summary>The settings file, whether it is there or not; null: none.</summary>
    public string? Path { get; }

    /// <summary>Section <c>Stores</c>: the content store that is shared with the workers; at most one.</summary>
    public IReadOnlyList<SelectedPlugin<IContentStore>> Stores { get; } = [];

    /// <summary>Section <c>Predictors</c>: what knows more of commands than their callers say.</summary>
    public IReadOnlyList<SelectedPlugin<IInputPredictor>> Predictors { get; } = [];

    /// <summary>All that is wrong with the settings, one sentence each, naming the setting.</summary>
    public IReadOnlyList<string> Problems { get; private init; }

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

    /// <summary>The same with one more thing that is wrong.</summary>
    public RequesterPlugins With(string problem) => this with { Problems = [.. Problems, problem] };

    /// <summary>Makes the predictors, with those that come with Repr.</summary>
    internal InputPredictors CreatePredictors(PluginContext context, ILogger log) =>
        new([.. Predictors.Select(plugin => plugin.Create(context))], log);

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

    private static (DateTime Written, long Length)? StateOf(string path) =>
        new FileInfo(path) is { Exists: true } file ? (file.LastWriteTimeUtc, file.Length) : null;
}
