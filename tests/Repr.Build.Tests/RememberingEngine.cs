using System.Collections;
using Microsoft.Build.Framework;

namespace Repr.Build.Tests;

/// <summary>An engine that keeps objects, and what is logged. One test's.</summary>
internal sealed class RememberingEngine : IBuildEngine4
{
    private readonly Dictionary<object, object> _objects = [];

    public List<string> Logged { get; } = [];

    public bool ContinueOnError => false;

    public int LineNumberOfTaskNode => 0;

    public int ColumnNumberOfTaskNode => 0;

    public string ProjectFileOfTaskNode => "";

    public bool IsRunningMultipleNodes => false;

    public bool BuildProjectFile(string projectFileName, string[] targetNames, IDictionary globalProperties, IDictionary targetOutputs) => false;

    public bool BuildProjectFile(string projectFileName, string[] targetNames, IDictionary globalProperties, IDictionary targetOutputs, string toolsVersion) => false;

    public bool BuildProjectFilesInParallel(
        string[] projectFileNames, string[] targetNames, IDictionary[] globalProperties, IDictionary[] targetOutputsPerProject, string[] toolsVersion, bool useResultsCache, bool unloadProjectsOnCompletion) => false;

    public BuildEngineResult BuildProjectFilesInParallel(
        string[] projectFileNames, string[] targetNames, IDictionary[] globalProperties, IList<string>[] removeGlobalProperties, string[] toolsVersion, bool returnTargetOutputs) => new(false, []);

    public void Yield()
    {
    }

    public void Reacquire()
    {
    }

    public void RegisterTaskObject(object key, object obj, RegisteredTaskObjectLifetime lifetime, bool allowEarlyCollection) => _objects[key] = obj;

    public object GetRegisteredTaskObject(object key, RegisteredTaskObjectLifetime lifetime) => _objects.GetValueOrDefault(key)!;

    public object UnregisterTaskObject(object key, RegisteredTaskObjectLifetime lifetime) => _objects.Remove(key, out object? known) ? known : null!;

    public void LogCustomEvent(CustomBuildEventArgs e) => Logged.Add(e.Message ?? "");

    public void LogErrorEvent(BuildErrorEventArgs e) => Logged.Add(e.Message ?? "");

    public void LogMessageEvent(BuildMessageEventArgs e) => Logged.Add(e.Message ?? "");

    public void LogWarningEvent(BuildWarningEventArgs e) => Logged.Add(e.Message ?? "");
}
