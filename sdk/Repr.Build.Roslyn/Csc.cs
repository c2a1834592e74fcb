using Microsoft.Build.Framework;

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
    public override bool Execute() => _remote.Announced(base.Execute);

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

        return _remote.Execute(new RemoteCompile.Call
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
            RunLocally = () => base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands),
        });
    }

    /// <summary>A compile of nothing, for nobody: see <see cref="RemoteCompile.Rehearse{TTask}"/>.</summary>
    internal static bool Rehearse(RemoteSettings settings) => RemoteCompile.Rehearse(output => new Csc
    {
        PdbFile = output + ".pdb",
        DocumentationFile = output + ".xml",
        DisabledWarnings = "1701;1702",
        _remote = { Rehearsed = settings },
    });
}
