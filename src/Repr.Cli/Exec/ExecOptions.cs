using Repr.Protocol.V1;

namespace Repr.Cli.Exec;

/// <summary>The command line and the environment of <c>repr exec</c>: the same as the front's (options.c).</summary>
internal sealed record ExecOptions
{
    /// <summary>The worker; null: the command runs here.</summary>
    public string? Endpoint { get; private set; }

    /// <summary>Names the build record; empty: the requester process does.</summary>
    public string BuildId { get; private set; } = "";

    /// <summary>Whether a known result will do.</summary>
    public CacheMode Cache { get; private set; }

    /// <summary>Where it may run, as far as there is a choice.</summary>
    public Placement Placement { get; private set; }

    /// <summary>Object files of compiles may stay on the worker.</summary>
    public bool MinimalDownload { get; private set; }

    /// <summary>What cannot run on the worker is an error.</summary>
    public bool Fail { get; private set; }

    /// <summary>The command's standard input is empty.</summary>
    public bool NoStandardInput { get; private set; }

    /// <summary>Further directories that a worker may read.</summary>
    public List<string> ReadRoots { get; } = [];

    /// <summary>Further directories that the command may change.</summary>
    public List<string> WriteRoots { get; } = [];

    /// <summary>Files that it reads.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>Files and directories that it writes.</summary>
    public List<string> Outputs { get; } = [];

    /// <summary>The command and its arguments.</summary>
    public IReadOnlyList<string> Command { get; private set; } = [];

    /// <summary>Only the help is wanted.</summary>
    public bool IsHelp { get; private set; }

    /// <summary>Reads them.</summary>
    /// <exception cref="FormatException">They are malformed; the message says how.</exception>
    public static ExecOptions Read(IReadOnlyList<string> arguments, Func<string, string?> variable)
    {
        ExecOptions options = new()
        {
            Endpoint = variable("REPR_ENDPOINT"),
            BuildId = variable("REPR_BUILD_ID") ?? "",
            Cache = ReadCache("REPR_CACHE", variable("REPR_CACHE")),
            Placement = ReadPlacement("REPR_PLACEMENT", variable("REPR_PLACEMENT")),
            MinimalDownload = ReadDownload("REPR_DOWNLOAD", variable("REPR_DOWNLOAD")),
            Fail = Is(variable("REPR_FALLBACK"), "fail"),
        };
        AddAll(options.ReadRoots, variable("REPR_READ_ROOTS"));
        AddAll(options.WriteRoots, variable("REPR_WRITE_ROOTS"));
        int index = 0;
        for (; index < arguments.Count && arguments[index].StartsWith('-') && !options.IsHelp; index++)
        {
            if (arguments[index] == "--")
            {
                index++;
                break;
            }

            options.Take(arguments, ref index);
        }

        options.Command = [.. arguments.Skip(index)];
        if (!options.IsHelp && (options.Command.Count == 0 || options.Command[0].Length == 0))
        {
            throw new FormatException("The command is missing.");
        }

        options.Placement = options.Fail && options.Placement == Placement.Auto ? Placement.Race : options.Placement;
        options.Endpoint = Is(variable("REPR_ENABLED"), "false") ? null : options.Endpoint;
        return options;
    }

    private void Take(IReadOnlyList<string> arguments, ref int index)
    {
        string[] parts = arguments[index].Split('=', 2);
        string name = parts[0];
        if (name is "--no-stdin" or "--fail" or "--help")
        {
            NoStandardInput |= name == "--no-stdin";
            Fail |= name == "--fail";
            IsHelp |= name == "--help";
            return;
        }

        if (name is not ("--endpoint" or "--build-id" or "--cache" or "--placement" or "--download" or "--read-root" or "--write-root" or "--input" or "--output"))
        {
            throw new FormatException($"There is no option '{arguments[index]}'.");
        }

        string? value = parts.Length == 2 ? parts[1] : ++index < arguments.Count ? arguments[index] : null;
        if (string.IsNullOrEmpty(value))
        {
            throw new FormatException($"The option {name} needs a value.");
        }

        switch (name)
        {
            case "--endpoint":
                Endpoint = value;
                break;
            case "--build-id":
                BuildId = value;
                break;
            case "--cache":
                Cache = ReadCache(name, value);
                break;
            case "--placement":
                Placement = ReadPlacement(name, value);
                break;
            case "--download":
                MinimalDownload = ReadDownload(name, value);
                break;
            default:
                (name switch { "--read-root" => ReadRoots, "--write-root" => WriteRoots, "--input" => Inputs, _ => Outputs }).Add(FullPath(value));
                break;
        }
    }

    private static void AddAll(List<string> list, string? paths) =>
        list.AddRange((paths ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Select(FullPath));

    private static string FullPath(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    private static CacheMode ReadCache(string setting, string? value) => value?.ToUpperInvariant() switch
    {
        null => CacheMode.Unspecified,
        "OFF" => CacheMode.Off,
        "READ" => CacheMode.Read,
        "READWRITE" => CacheMode.ReadWrite,
        "VERIFY" => CacheMode.Verify,
        _ => throw new FormatException($"{setting} is '{value}', which is not off, read, readwrite or verify."),
    };

    private static Placement ReadPlacement(string setting, string? value) => value?.ToUpperInvariant() switch
    {
        null => Placement.Unspecified,
        "REMOTE" => Placement.Remote,
        "RACE" => Placement.Race,
        "AUTO" => Placement.Auto,
        _ => throw new FormatException($"{setting} is '{value}', which is not remote, race or auto."),
    };

    private static bool ReadDownload(string setting, string? value) => value?.ToUpperInvariant() switch
    {
        null or "ALL" => false,
        "MINIMAL" => true,
        _ => throw new FormatException($"{setting} is '{value}', which is not all or minimal."),
    };

    private static bool Is(string? value, string word) => string.Equals(value, word, StringComparison.OrdinalIgnoreCase);
}
