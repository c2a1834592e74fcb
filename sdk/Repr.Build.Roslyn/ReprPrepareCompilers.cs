using Microsoft.Build.Framework;
using Task = Microsoft.Build.Utilities.Task;

namespace Repr.Build;

/// <summary>
/// Makes ready what the first compile of a process needs, in the background and while the engine still looks at projects (<see cref="RemoteCompile.Rehearse{TTask}"/>).
/// Starts no process and cannot fail. For once in each process and language: see <see cref="ReprPrepare.IsFirstOfLanguage"/>.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class ReprPrepareCompilers : Task
{
    /// <summary>The directory of a project that has been prepared.</summary>
    [Required]
    public string ProjectDirectory { get; set; } = "";

    /// <summary>$(Language): C# or VB.</summary>
    [Required]
    public string Language { get; set; } = "";

    /// <inheritdoc/>
    public override bool Execute()
    {
        string projectDirectory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(ProjectDirectory));
        if (RemoteSettings.Find(BuildEngine, projectDirectory) is { } settings)
        {
            WarmUp.InBackground(() => _ = string.Equals(Language, "VB", StringComparison.OrdinalIgnoreCase) ? Vbc.Rehearse(settings) : Csc.Rehearse(settings));
        }

        return true;
    }
}
