using System.Collections.Concurrent;
using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace Repr.Build;

/// <summary>
/// Runs before everything else in a project: makes the SDK's compiler tasks loadable for their remoting variants and hands the project's
/// Repr properties over to the remoting tasks. Starts no process and cannot fail.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class ReprPrepare : Task
{
    // Of the process, as what is made ready by it.
    private static readonly ConcurrentDictionary<string, bool> s_languages = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Assemblies that the remoting tasks derive from, as in $(RoslynTasksAssembly).</summary>
    public string[] CompilerTaskAssemblies { get; set; } = [];

    /// <summary>$(ReprEndpoint).</summary>
    [Required]
    public string Endpoint { get; set; } = "";

    /// <summary>The project's directory.</summary>
    [Required]
    public string ProjectDirectory { get; set; } = "";

    /// <summary>The repr.dll to start the requester process from.</summary>
    [Required]
    public string ToolPath { get; set; } = "";

    /// <summary>$(ReprFallback): "local" or "fail".</summary>
    public string Fallback { get; set; } = "";

    /// <summary>$(ReprSourceRoot). Empty: the nearest directory above the project with a .git or a solution, else the project's.</summary>
    public string SourceRoot { get; set; } = "";

    /// <summary>Toolchain and package directories, and @(ReprReadRoot). Empty and missing ones are ignored.</summary>
    public string[] ReadRoots { get; set; } = [];

    /// <summary>@(ReprWriteRoot): where a tool whose outputs are not declared may write, besides the source root.</summary>
    public string[] WriteRoots { get; set; } = [];

    /// <summary>@(ReprExecPattern): commands that run remotely (<see cref="ExecPattern"/>).</summary>
    public ITaskItem[] ExecPatterns { get; set; } = [];

    /// <summary>$(ReprCache): off, read, readwrite or verify. Empty: readwrite for compilers, off for commands.</summary>
    public string Cache { get; set; } = "";

    /// <summary>$(ReprPlacement): remote, race or auto. Empty: remote.</summary>
    public string Placement { get; set; } = "";

    /// <summary>$(ReprDownload): all or minimal.</summary>
    public string Download { get; set; } = "";

    /// <summary>$(IntDir), else $(IntermediateOutputPath).</summary>
    public string IntermediateDirectory { get; set; } = "";

    /// <summary>$(ReprBuildId).</summary>
    public string BuildId { get; set; } = "";

    /// <summary>$(ReprEmptyMapping).</summary>
    public bool EmptyMapping { get; set; }

    /// <summary>$(Language), if its compiler is one of <see cref="CompilerTaskAssemblies"/>; else empty.</summary>
    public string Language { get; set; } = "";

    /// <summary>True for the first project of a process with this <see cref="Language"/>.</summary>
    [Output]
    public bool IsFirstOfLanguage { get; private set; }

    /// <inheritdoc/>
    public override bool Execute()
    {
        foreach (string assembly in CompilerTaskAssemblies)
        {
            CompilerAssemblies.Add(assembly);
        }

        string projectDirectory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(ProjectDirectory));
        string sourceRoot = SourceRoot.Length > 0 ? Path.GetFullPath(SourceRoot, projectDirectory) : FindSourceRoot(projectDirectory);
        RemoteSettings settings = new()
        {
            Endpoint = Endpoint,
            FailInsteadOfFallback = string.Equals(Fallback, "fail", StringComparison.OrdinalIgnoreCase),
            ReadRoots = Normalise([sourceRoot, projectDirectory, .. ReadRoots], projectDirectory),
            WriteRoots = Normalise([sourceRoot, projectDirectory, .. WriteRoots], projectDirectory),
            ExecPatterns = SelectPatterns(),
            Cache = SelectCache(),
            Placement = SelectPlacement(),
            PlaceholderDirectory = SelectPlaceholderDirectory(projectDirectory),
            BuildId = BuildId,
            EmptyMapping = EmptyMapping,
            ToolPath = Path.GetFullPath(ToolPath, projectDirectory),
        };
        settings.Register(BuildEngine4, projectDirectory);
        WarmUp.Begin(settings, BuildEngine);
        IsFirstOfLanguage = Language.Length > 0 && s_languages.TryAdd(Language, true);
        return true;
    }

    private string SelectCache()
    {
        if (CacheModes.TryParse(Cache, out _))
        {
            return Cache;
        }

        Log.LogWarning(
            null, MessageCodes.MalformedParameter, null, null, 0, 0, 0, 0,
            "ReprCache is '{0}', which is not {1}: no result is taken from the cache.", Cache, CacheModes.All);
        return nameof(Protocol.V1.CacheMode.Off);
    }

    private string SelectPlacement()
    {
        if (Placements.TryParse(Placement, out _))
        {
            return Placement;
        }

        Log.LogWarning(
            null, MessageCodes.MalformedParameter, null, null, 0, 0, 0, 0,
            "ReprPlacement is '{0}', which is not {1}: it counts as remote.", Placement, Placements.All);
        return "";
    }

    private string SelectPlaceholderDirectory(string projectDirectory)
    {
        if (!DownloadModes.TryParse(Download, out bool isMinimal))
        {
            Log.LogWarning(
                null, MessageCodes.MalformedParameter, null, null, 0, 0, 0, 0,
                "ReprDownload is '{0}', which is not {1}: all outputs are downloaded.", Download, DownloadModes.All);
        }

        return isMinimal && IntermediateDirectory.Length > 0
            ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(IntermediateDirectory.Replace('\\', Path.DirectorySeparatorChar), projectDirectory))
            : "";
    }

    private List<string> SelectPatterns()
    {
        List<string> patterns = [];
        foreach (ITaskItem item in ExecPatterns)
        {
            string regex = ExecPattern.ToRegex(item);
            if (ExecPattern.FindProblem(regex) is { } problem)
            {
                Log.LogWarning(
                    null, MessageCodes.MalformedPattern, null, null, 0, 0, 0, 0,
                    "The ReprExecPattern '{0}' is ignored: its Regex is malformed. {1}", item.ItemSpec, problem);
            }
            else
            {
                patterns.Add(regex);
            }
        }

        return patterns;
    }

    private static string FindSourceRoot(string projectDirectory)
    {
        for (DirectoryInfo? directory = new(projectDirectory); directory is not null; directory = directory.Parent)
        {
            // In a worktree or a submodule .git is a file.
            if (Path.Exists(Path.Combine(directory.FullName, ".git"))
                || HasSolution(directory))
            {
                return directory.FullName;
            }
        }

        return projectDirectory;
    }

    private static bool HasSolution(DirectoryInfo directory)
    {
        try
        {
            // The .NET Framework finds "x.slnx" by "*.sln" too.
            return directory.EnumerateFiles("*.sln").Any() || directory.EnumerateFiles("*.slnx").Any();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false; // Above a home directory there may be one that cannot be listed.
        }
    }

    private static List<string> Normalise(IEnumerable<string> roots, string projectDirectory) =>
        [.. roots
            .Where(root => !string.IsNullOrWhiteSpace(root))
            .Select(root => Path.TrimEndingDirectorySeparator(Path.GetFullPath(root.Trim(), projectDirectory)))
            .Distinct(StringComparer.Ordinal)
            .Where(Path.Exists)];
}
