using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>
/// The Repr properties of one project. <see cref="ReprPrepare"/> leaves them with the build engine and the tasks of the same
/// project directory take them from there: a task that stands in for a stock task can have no parameters of its own, since its calls
/// are written in files that we do not own.
/// </summary>
internal sealed record RemoteSettings
{
    /// <summary>As in "http://host:port". Not checked yet.</summary>
    public required string Endpoint { get; init; }

    /// <summary>True when an action that cannot run remotely is an error (ReprFallback=fail).</summary>
    public required bool FailInsteadOfFallback { get; init; }

    /// <summary>What the worker may ask for, apart from an action's own files.</summary>
    public required IReadOnlyList<string> ReadRoots { get; init; }

    /// <summary>Where a tool whose outputs nobody declared may write: the source root, the project's directory and @(ReprWriteRoot).</summary>
    public required IReadOnlyList<string> WriteRoots { get; init; }

    /// <summary>Regular expressions: a command in which one of them is found runs remotely (@(ReprExecPattern)).</summary>
    public required IReadOnlyList<string> ExecPatterns { get; init; }

    /// <summary>$(ReprCache): see <see cref="CacheModes"/>; empty: each tool's own.</summary>
    public required string Cache { get; init; }

    /// <summary>$(ReprPlacement): see <see cref="Placements"/>; empty: remote.</summary>
    public required string Placement { get; init; }

    /// <summary>Absolute path of the project's intermediate directory, if what actions leave there may stay on the worker until it is read (ReprDownload=minimal); else empty.</summary>
    public required string PlaceholderDirectory { get; init; }

    /// <summary>Groups the records of one build; may be empty.</summary>
    public required string BuildId { get; init; }

    /// <summary>True to send no input mapping at all: everything is asked back.</summary>
    public required bool EmptyMapping { get; init; }

    /// <summary>The repr.dll that the requester process is started from.</summary>
    public required string ToolPath { get; init; }

    /// <summary>Leaves the settings for the tasks of a project, for the rest of this build.</summary>
    public void Register(IBuildEngine4 engine, string projectDirectory)
    {
        // Each task assembly has its own load context, hence its own copy of this type: only types of the framework may travel.
        Dictionary<string, string> values = new(StringComparer.Ordinal)
        {
            [nameof(Endpoint)] = Endpoint,
            [nameof(FailInsteadOfFallback)] = FailInsteadOfFallback ? bool.TrueString : bool.FalseString,
            [nameof(ReadRoots)] = string.Join('\0', ReadRoots),
            [nameof(WriteRoots)] = string.Join('\0', WriteRoots),
            [nameof(ExecPatterns)] = string.Join('\0', ExecPatterns),
            [nameof(Cache)] = Cache,
            [nameof(Placement)] = Placement,
            [nameof(PlaceholderDirectory)] = PlaceholderDirectory,
            [nameof(BuildId)] = BuildId,
            [nameof(EmptyMapping)] = EmptyMapping ? bool.TrueString : bool.FalseString,
            [nameof(ToolPath)] = ToolPath,
        };
        string key = Key(projectDirectory);
        _ = engine.UnregisterTaskObject(key, RegisteredTaskObjectLifetime.Build);
        engine.RegisterTaskObject(key, values, RegisteredTaskObjectLifetime.Build, allowEarlyCollection: false);
    }

    /// <summary>The settings of a project; null when its build was not prepared.</summary>
    public static RemoteSettings? Find(IBuildEngine? engine, string projectDirectory)
    {
        if ((engine as IBuildEngine4)?.GetRegisteredTaskObject(Key(projectDirectory), RegisteredTaskObjectLifetime.Build)
            is not Dictionary<string, string> values)
        {
            return null;
        }

        return new RemoteSettings
        {
            Endpoint = values[nameof(Endpoint)],
            FailInsteadOfFallback = values[nameof(FailInsteadOfFallback)] == bool.TrueString,
            ReadRoots = values[nameof(ReadRoots)].Split('\0', StringSplitOptions.RemoveEmptyEntries),
            WriteRoots = values[nameof(WriteRoots)].Split('\0', StringSplitOptions.RemoveEmptyEntries),
            ExecPatterns = values[nameof(ExecPatterns)].Split('\0', StringSplitOptions.RemoveEmptyEntries),
            Cache = values[nameof(Cache)],
            Placement = values[nameof(Placement)],
            PlaceholderDirectory = values[nameof(PlaceholderDirectory)],
            BuildId = values[nameof(BuildId)],
            EmptyMapping = values[nameof(EmptyMapping)] == bool.TrueString,
            ToolPath = values[nameof(ToolPath)],
        };
    }

    private static string Key(string projectDirectory) => "Repr.Build.Settings|" + Path.TrimEndingDirectorySeparator(projectDirectory);
}
