using System.Collections;
using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>An engine for a task of which nobody is to hear: it drops what is logged and builds no project.</summary>
internal sealed class SilentEngine : IBuildEngine
{
    /// <inheritdoc/>
    public bool ContinueOnError => false;

    /// <inheritdoc/>
    public int LineNumberOfTaskNode => 0;

    /// <inheritdoc/>
    public int ColumnNumberOfTaskNode => 0;

    /// <inheritdoc/>
    public string ProjectFileOfTaskNode => "";

    /// <inheritdoc/>
    public bool BuildProjectFile(string projectFileName, string[] targetNames, IDictionary globalProperties, IDictionary targetOutputs) => false;

    /// <inheritdoc/>
    public void LogCustomEvent(CustomBuildEventArgs e)
    {
    }

    /// <inheritdoc/>
    public void LogErrorEvent(BuildErrorEventArgs e)
    {
    }

    /// <inheritdoc/>
    public void LogMessageEvent(BuildMessageEventArgs e)
    {
    }

    /// <inheritdoc/>
    public void LogWarningEvent(BuildWarningEventArgs e)
    {
    }
}
