namespace Repr.Requester.Actions;

/// <summary>Which of the places that an action may look at are its sources, and which are others'. Immutable.</summary>
internal sealed class ActionRoots
{
    private readonly IReadOnlyList<VirtualPath> _sources;

    private ActionRoots(IReadOnlyList<VirtualPath> sources, bool holdAllOutputs, string key)
    {
        _sources = sources;
        HoldAllOutputs = holdAllOutputs;
        Key = key;
    }

    /// <summary>Whether it writes nowhere but among its sources.</summary>
    public bool HoldAllOutputs { get; }

    /// <summary>The same for actions with the same sources that may look at the same places.</summary>
    public string Key { get; }

    /// <summary>The roots of an action.</summary>
    public static ActionRoots Of(ActionRequest request)
    {
        VirtualPath[] roots = Outermost(request.ReadRoots.Concat(request.WriteRoots).Append(request.Command.WorkingDirectory));
        VirtualPath[] sources = [.. roots.Where(request.Command.WorkingDirectory.IsWithin)];
        return new ActionRoots(
            sources,
            request.OutputFiles.Concat(request.OutputDirectories).Concat(request.WriteRoots).All(output => sources.Any(output.IsWithin)),
            string.Join('\n', roots) + "\n\n" + string.Join('\n', sources));
    }

    /// <summary>Whether a path is among the sources.</summary>
    public bool IsSource(VirtualPath path) => _sources.Any(path.IsWithin);

    /// <summary>Whether a path is a directory above the sources.</summary>
    public bool IsOnTheWay(VirtualPath path) => _sources.Any(source => source.IsWithin(path));

    private static VirtualPath[] Outermost(IEnumerable<VirtualPath> paths)
    {
        VirtualPath[] all = [.. paths.Distinct().Order()];
        return [.. all.Where(path => !all.Any(other => other != path && path.IsWithin(other)))];
    }
}
