using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace Repr.Build;

/// <summary>The SDK's C# compiler task, whose compiler runs on a worker. Everything but the run itself is the base's.</summary>
[MSBuildMultiThreadableTask]
public sealed class Csc : Microsoft.CodeAnalysis.BuildTasks.Csc, IGeneratedTask
{
    private readonly RemoteCompile _remote;

    /// <summary>Makes the task.</summary>
    public Csc() => _remote = new RemoteCompile(this);

    /// <inheritdoc/>
    public override void Cancel()
    {
        _remote.Cancel();
        base.Cancel();
    }

    /// <inheritdoc/>
    void IGeneratedTask.SetPropertyValue(TaskPropertyInfo property, object value) => TaskParameters<Csc>.Set(this, property.Name, value);

    /// <inheritdoc/>
    object IGeneratedTask.GetPropertyValue(TaskPropertyInfo property) => TaskParameters<Csc>.Get(this, property.Name)!;

    /// <inheritdoc/>
    protected override int ExecuteTool(string pathToTool, string responseFileCommands, string commandLineCommands)
    {
        if (SkipCompilerExecution)
        {
            return base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands);
        }

        if (ProvideCommandLineArgs)
        {
            CommandLineArgs = GenerateCommandLineArgsTaskItems(responseFileCommands);
        }

        return _remote.Execute(ToCall(
            pathToTool, responseFileCommands, () => base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands)));
    }

    /// <summary>
    /// Goes the way of a compile that runs nothing, logs nothing and leaves nothing: each node of MSBuild loads and compiles it anew, and with a known result that takes longer
    /// than the rest. The task is of no use afterwards.
    /// </summary>
    /// <param name="settings">Those of some project.</param>
    /// <param name="projectDirectory">Its directory.</param>
    /// <exception cref="InvalidOperationException">Always at the end: there is no engine to log to.</exception>
    internal void Rehearse(RemoteSettings settings, string projectDirectory)
    {
        TaskParameters<Csc>.Prepare();
        Sources = References = Analyzers = AnalyzerConfigFiles = [new TaskItem(Path.Combine(projectDirectory, "rehearsal"))];
        OutputAssembly = OutputRefAssembly = Sources[0];
        (DefineConstants, DebugType, DisabledWarnings, LangVersion) = ("REHEARSAL", "portable", "1701;1702", "latest");
        (DocumentationFile, PdbFile) = (Sources[0].ItemSpec, Sources[0].ItemSpec);
        EnvironmentVariables = ["REHEARSAL=true"];
        (Deterministic, EmitDebugInformation, NoConfig) = (true, true, true);
        ValidateParameters();
        RemoteCompile.Call call = ToCall(GenerateFullPathToTool(), GenerateResponseFileCommands(), static () => 0);
        _remote.Rehearse(call, settings, projectDirectory);
        call.LogOutput("rehearsal(1,1): warning CS0000: nothing");
    }

    private RemoteCompile.Call ToCall(string pathToTool, string responseFileCommands, Func<int> runLocally) => new()
    {
        PathToTool = pathToTool,
        ResponseFile = responseFileCommands,
        ResponseFileEncoding = ResponseFileEncoding,
        Split = GenerateCommandLineArgsList,
        AddFiles = files =>
        {
            files.AddInput(ApplicationConfiguration);
            files.AddOutputFile(DocumentationFile);
            files.AddSymbols(this, PdbFile);
        },
        LogOutput = line => LogEventsFromTextOutput(line, StandardOutputImportanceToUse),
        LogError = line => LogEventsFromTextOutput(line, StandardErrorImportanceToUse),
        RunLocally = runLocally,
    };
}
