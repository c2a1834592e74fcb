using Repr.Plugins;
using Repr.Requester.Actions;

namespace Repr.Requester;

/// <summary>
/// The plugins that a requester's settings file names, loaded and validated, but not made yet. A wrong file does not keep the process
/// from running: every action says what is wrong, so that a build runs locally, or fails if it must. Immutable.
/// </summary>
public sealed class RequesterPlugins
{
    private readonly (DateTime Written, long Length)? _state;

    private RequesterPlugins(string? path, (DateTime Written, long Length)? state, IReadOnlyList<string> problems)
    {
        Path = path;
        _state = state;
        Problems = problems;
    }

    /// <summary>Section <c>Telemetry</c>: who is told what happens, besides the build record.</summary>
    public IReadOnlyList<SelectedPlugin<ITelemetrySink>> Telemetry { get; private init; } = [];

    /// <summary>No plugins.</summary>
    public static RequesterPlugins None { get; } = new(null, null, []);

    /// <summary>The settings file, whether it is there or not; null: none.</summary>
    public string? Path { get; }

    /// <summary>All that is wrong with the settings, one sentence each, naming the setting.</summary>
    public IReadOnlyList<string> Problems { get; }

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
            PluginSettings settings = PluginSettings.Read(named is null && state is null ? null : path, "REPR_REQUESTER__");
            IReadOnlyList<SelectedPlugin<ITelemetrySink>> telemetry = settings.Select<ITelemetrySink>("Telemetry");
            return new RequesterPlugins(path, state, settings.Problems) { Telemetry = telemetry };
        }
        catch (ArgumentException exception)
        {
            return new RequesterPlugins(path, state, [exception.Message]);
        }
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

    private static (DateTime Written, long Length)? StateOf(string path) =>
        new FileInfo(path) is { Exists: true } file ? (file.LastWriteTimeUtc, file.Length) : null;
}
