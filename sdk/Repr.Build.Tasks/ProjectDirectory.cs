using System.Reflection;
using Microsoft.Build.Utilities;

namespace Repr.Build;

/// <summary>Finds out where a task's project is.</summary>
internal static class ProjectDirectory
{
    private static readonly PropertyInfo? s_environment = typeof(ToolTask).GetProperty("TaskEnvironment");
    private static readonly PropertyInfo? s_directory = s_environment?.PropertyType.GetProperty("ProjectDirectory");

    /// <summary>
    /// The directory of the task's project. To be called before the task yields: where the engine has no task environment yet (before
    /// MSBuild 18.6) it is the process's current directory, which is another project's afterwards.
    /// </summary>
    public static string Of(ToolTask task)
    {
        object? environment = s_environment?.GetValue(task);
        string? directory = environment is null ? null : s_directory?.GetValue(environment)?.ToString();
        return Path.TrimEndingDirectorySeparator(string.IsNullOrEmpty(directory) ? Environment.CurrentDirectory : directory);
    }
}
