using Microsoft.Extensions.Configuration;

namespace Repr.Plugins;

/// <summary>
/// The settings file of a worker or requester: sections, each a list of plugins with their options. Variables of the environment
/// with a prefix override it (a worker's <c>REPR__Stores__0__Options__Password</c>), so that a secret need not lie in a file.
/// Read each section with <see cref="Select{TService}"/>; then <see cref="Problems"/> has all that is wrong with all of them.
/// Not safe for concurrent use.
/// </summary>
public sealed class PluginSettings
{
    private const string PluginKey = "Plugin";
    private const string OptionsKey = "Options";

    private readonly IConfigurationRoot _configuration;
    private readonly string _directory;
    private readonly List<string> _problems = [];
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    private PluginSettings(IConfigurationRoot configuration, string directory)
    {
        _configuration = configuration;
        _directory = directory;
    }

    /// <summary>All that is wrong so far, one sentence each, naming the setting; and sections that nobody has asked for.</summary>
    public IReadOnlyList<string> Problems =>
    [
        .. _problems,
        .. _configuration.GetChildren().Where(section => !_known.Contains(section.Key)).Select(static section => $"{section.Key}: there is no such section."),
    ];

    /// <summary>Reads the settings.</summary>
    /// <param name="path">The file (JSON; comments are allowed); null: only the environment counts.</param>
    /// <param name="prefix">How the variables begin that override it.</param>
    /// <exception cref="ArgumentException">The file is missing or is no JSON; the message names it.</exception>
    public static PluginSettings Read(string? path, string prefix)
    {
        ConfigurationBuilder builder = new();
        string? full = path is null ? null : Path.GetFullPath(path);
        try
        {
            if (full is not null)
            {
                builder.AddJsonFile(full, optional: false, reloadOnChange: false);
            }

            builder.AddEnvironmentVariables(prefix);
            return new PluginSettings(builder.Build(), Path.GetDirectoryName(full) ?? Environment.CurrentDirectory);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or InvalidDataException)
        {
            throw new ArgumentException($"{full}: {exception.GetBaseException().Message}", exception);
        }
    }

    /// <summary>Loads the plugins of a section, and binds and validates their options. What is wrong is added to <see cref="Problems"/>.</summary>
    /// <param name="section">The section.</param>
    /// <param name="required">Settings beside the plugin's name that the host needs for each; a missing one is a problem.</param>
    /// <returns>What could be loaded, in the order of the settings.</returns>
    public IReadOnlyList<SelectedPlugin<TService>> Select<TService>(string section, params string[] required)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(required);
        _known.Add(section);
        string[] names = [PluginKey, OptionsKey, .. required];
        List<SelectedPlugin<TService>> selected = [];
        foreach (IConfigurationSection entry in _configuration.GetSection(section).GetChildren())
        {
            _problems.AddRange(entry.GetChildren()
                .Where(child => !names.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
                .Select(child => $"{child.Path}: there is no such setting; known: {string.Join(", ", names)}."));
            _problems.AddRange(required.Where(name => entry[name] is not { Length: > 0 }).Select(name => $"{entry.Path}:{name}: is missing."));
            if (entry[PluginKey] is not { Length: > 0 } plugin)
            {
                _problems.Add($"{entry.Path}:{PluginKey}: is missing.");
                continue;
            }

            try
            {
                LoadedPlugin<TService> loaded = PluginLoader.Load<TService>(FindAssembly(plugin));
                if (loaded.Bind(entry.GetSection(OptionsKey), _problems) is { } create)
                {
                    selected.Add(new SelectedPlugin<TService>(
                        loaded.Name, required.ToDictionary(static name => name, name => entry[name] ?? "", StringComparer.Ordinal), create));
                }
            }
            catch (ArgumentException exception)
            {
                _problems.Add($"{entry.Path}:{PluginKey}: {exception.Message}");
            }
        }

        return selected;
    }

    /// <summary>
    /// Loads a plugin that comes with Repr, for as many services as the host needs: their options are those of the section, and some that the
    /// host knows. What is wrong is added to <see cref="Problems"/>.
    /// </summary>
    /// <param name="section">The section.</param>
    /// <param name="plugin">The plugin.</param>
    /// <param name="own">The host's options, with values as they may be; none of them is to be in the section.</param>
    /// <returns>Makes a service with the host's options for it; null when there are problems.</returns>
    public Func<IReadOnlyDictionary<string, string?>, PluginContext, TService>? SelectMany<TService>(
        string section, string plugin, IReadOnlyDictionary<string, string?> own)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(own);
        _known.Add(section);
        IConfigurationSection given = _configuration.GetSection(section);
        int before = _problems.Count;
        _problems.AddRange(own.Keys.Where(name => given.GetSection(name).Exists()).Select(name => $"{section}:{name}: is not to be set, it is known."));
        try
        {
            LoadedPlugin<TService> loaded = PluginLoader.Load<TService>(FindAssembly(plugin));
            loaded.Bind(Merge(given, own), _problems);
            return _problems.Count > before
                ? null
                : (options, context) =>
                {
                    List<string> problems = [];
                    return loaded.Bind(Merge(given, options), problems) is { } create ? create(context) : throw new ArgumentException(string.Join(' ', problems));
                };
        }
        catch (ArgumentException exception)
        {
            _problems.Add($"{section}: {exception.Message}");
            return null;
        }
    }

    /// <summary>Whether there is anything in a section.</summary>
    public bool Has(string section) => _configuration.GetSection(section).Exists();

    /// <summary>A section that is of no use this time, and no problem either.</summary>
    public void Ignore(string section) => _known.Add(section);

    /// <summary>Binds a section that is no list of plugins.</summary>
    public TOptions Bind<TOptions>(string section)
        where TOptions : class, new()
    {
        _known.Add(section);
        return OptionsBinder.Bind<TOptions>(_configuration.GetSection(section), _problems);
    }

    private static IConfigurationSection Merge(IConfigurationSection given, IReadOnlyDictionary<string, string?> own) => new ConfigurationBuilder()
        .AddInMemoryCollection(given.AsEnumerable().Where(static pair => pair.Value is not null))
        .AddInMemoryCollection(own.Select(pair => KeyValuePair.Create($"{given.Path}:{pair.Key}", pair.Value)))
        .Build()
        .GetSection(given.Path);

    // A name is a folder of the plugins that come with Repr; anything that looks like a file is one.
    private string FindAssembly(string plugin)
    {
        if (plugin.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
        {
            return Path.GetFullPath(plugin, _directory);
        }

        string shipped = Path.Combine(AppContext.BaseDirectory, "plugins");
        string folder = Path.Combine(shipped, plugin);
        string[] marked = Path.GetDirectoryName(Path.GetRelativePath(shipped, folder)) is "" && Directory.Exists(folder)
            ? Directory.GetFiles(folder, "*.runtimeconfig.json")
            : [];
        return marked is [string runtimeConfiguration]
            ? runtimeConfiguration[..^".runtimeconfig.json".Length] + ".dll"
            : throw new ArgumentException(
                $"'{plugin}' is no plugin that comes with Repr (those are: {string.Join(", ", Shipped(shipped))}); another is named by the path of its .dll.");
    }

    private static IEnumerable<string> Shipped(string directory) =>
        Directory.Exists(directory) ? Directory.GetDirectories(directory).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal) : [];
}
