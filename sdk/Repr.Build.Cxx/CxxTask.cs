using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Build.Framework;

namespace Repr.Build.Cxx;

/// <summary>What the tasks of a C or C++ build share: where they are, which tools they use, and how their steps run.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The engine may cancel a task at any time; nothing here needs to be given back.")]
public abstract class CxxTask : Microsoft.Build.Utilities.Task, ICancelableTask
{
    private readonly RemoteRun _run = new();

    /// <summary>Makes the task.</summary>
    private protected CxxTask()
    {
    }

    /// <summary>$(ReprCxxToolset): gcc, clang or clang-cl. Empty: cl.exe.</summary>
    public string Toolset { get; set; } = "";

    /// <summary>The program, if it is not the toolset's: a name or a path.</summary>
    public string ToolExe { get; set; } = "";

    /// <summary>The program's directory, if it is not on the PATH.</summary>
    public string ToolPath { get; set; } = "";

    /// <summary>The project's directory. Empty: the current one.</summary>
    public string ProjectDirectory { get; set; } = "";

    /// <summary>For the tools, in addition to the environment of the build: NAME=value.</summary>
    public string[] EnvironmentVariables { get; set; } = [];

    /// <summary>How the toolset is called.</summary>
    private protected CommandStyle Style { get; private set; } = null!;

    /// <inheritdoc/>
    public void Cancel() => _run.Cancel();

    /// <inheritdoc/>
    public override bool Execute()
    {
        try
        {
            ProjectDirectory = Path.TrimEndingDirectorySeparator(ProjectDirectory.Length > 0 ? Path.GetFullPath(ProjectDirectory) : Environment.CurrentDirectory);
            Style = CommandStyle.Of(Toolset);
            StepRunner runner = CreateRunner();
            foreach (IReadOnlyList<Step> phase in CreatePhases())
            {
                using EngineSlot slot = new(BuildEngine);
                slot.GiveBack();
                // The boundary: the engine knows no asynchronous tasks. On its thread the steps would go on in its scheduler, which makes a thread for each.
                if (!Task.Run(() => runner.RunAsync(phase)).GetAwaiter().GetResult())
                {
                    return false;
                }
            }

            return !Log.HasLoggedErrors;
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or UnauthorizedAccessException)
        {
            Log.LogError(null, MessageCodes.UnusableToolset, null, null, 0, 0, 0, 0, "{0}", exception.Message);
            return false;
        }
    }

    /// <summary>What is to be done: all steps of a phase at the same time, the phases one after the other.</summary>
    private protected abstract IEnumerable<IReadOnlyList<Step>> CreatePhases();

    /// <summary>The options of a source: the task's own parameters of these names, else the item's metadata.</summary>
    private protected ToolOptions OptionsOf(ITaskItem? item) => new(name =>
        GetType().GetProperty(name, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase) is { } property
            && property.PropertyType == typeof(string)
            && property.GetValue(this) is string { Length: > 0 } value
                ? value
                : item?.GetMetadata(name));

    /// <summary>A path against the project's directory.</summary>
    private protected string Absolute(string path) => Path.GetFullPath(path.Replace('\\', Path.DirectorySeparatorChar), ProjectDirectory);

    /// <summary>The absolute path of one of the toolset's programs.</summary>
    /// <exception cref="IOException">It is not installed.</exception>
    private protected string Program(string name)
    {
        name = ToolExe.Length > 0 ? ToolExe : name;
        string path = ToolPath.Length > 0 ? Absolute(ToolPath) : Environment.GetEnvironmentVariable("PATH") ?? "";
        return new ToolSearch(path).Find(name)
            ?? throw new IOException($"'{name}' was not found in '{path}': install it, or choose another toolset by ReprCxxToolset.");
    }

    private StepRunner CreateRunner()
    {
        Dictionary<string, string> environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");
        foreach (string[] assignment in EnvironmentVariables.Select(text => text.Split('=', 2)).Where(parts => parts.Length == 2))
        {
            environment[assignment[0]] = assignment[1];
        }

        // The words "error" and "warning" are looked for.
        environment["LC_ALL"] = "C.UTF-8";
        return new StepRunner
        {
            Log = Log,
            Engine = BuildEngine,
            Remote = _run,
            Settings = RemoteSettings.Find(BuildEngine, ProjectDirectory),
            Directory = ProjectDirectory,
            Environment = environment,
        };
    }
}
