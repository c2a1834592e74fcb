using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace Repr.Build;

/// <summary>The SDK's Visual Basic compiler task, whose compiler runs on a worker. Everything but the run itself is the base's.</summary>
[MSBuildMultiThreadableTask]
public sealed class Vbc : Microsoft.CodeAnalysis.BuildTasks.Vbc, IGeneratedTask
{
    private readonly RemoteCompile _remote;

    /// <summary>Makes the task.</summary>
    public Vbc() => _remote = new RemoteCompile(this);

    /// <inheritdoc/>
    public override void Cancel()
    {
        _remote.Cancel();
        base.Cancel();
    }

    /// <inheritdoc/>
    public override bool Execute() => _remote.Announced(base.Execute);

    /// <inheritdoc/>
    void IGeneratedTask.SetPropertyValue(TaskPropertyInfo property, object value) => TaskParameters<Vbc>.Set(this, property.Name, value);

    /// <inheritdoc/>
    object IGeneratedTask.GetPropertyValue(TaskPropertyInfo property) => TaskParameters<Vbc>.Get(this, property.Name)!;

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
                if (Path.IsPathRooted(VBRuntime))
                {
                    files.AddInput(VBRuntime);
                }

                files.AddReadRoot(SdkPath);
                files.AddOutputFile(DocumentationFile);
                // This compiler has no option for the place of the symbols: the base moves the file to PdbFile afterwards.
                files.AddSymbols(this, pdbFile: null);
            },
            LogOutput = line => LogEventsFromTextOutput(line, StandardOutputImportanceToUse),
            LogError = line => LogEventsFromTextOutput(line, StandardErrorImportanceToUse),
            RunLocally = () => base.ExecuteTool(pathToTool, responseFileCommands, commandLineCommands),
        });
    }

    /// <summary>A compile of nothing, for nobody: see <see cref="RemoteCompile.Rehearse{TTask}"/>.</summary>
    internal static bool Rehearse(RemoteSettings settings) => RemoteCompile.Rehearse(output => new Vbc
    {
        DocumentationFile = output + ".xml",
        DisabledWarnings = "41999;42016",
        RootNamespace = "Rehearsal",
        OptionStrict = true,
        Imports = [new TaskItem("System")],
        _remote = { Rehearsed = settings },
    });
}
