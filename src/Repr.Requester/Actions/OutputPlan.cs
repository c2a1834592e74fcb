using Repr.Requester.Files;

namespace Repr.Requester.Actions;

/// <summary>One output that was found to be allowed.</summary>
/// <param name="Output">The output.</param>
/// <param name="Root">The directory in which the worker may write: a declared output directory, or the parent of a declared file.</param>
internal sealed record PlannedOutput(ActionOutput Output, VirtualPath Root)
{
    /// <summary>The path below the root; empty for the root itself.</summary>
    public string Relative => Output.Path == Root ? "" : Output.Path.Text[(Root.IsRoot ? 1 : Root.Text.Length + 1)..];

    /// <summary>The path of the parent below the root.</summary>
    public string ParentRelative => Relative.Contains('/', StringComparison.Ordinal) ? Relative[..Relative.LastIndexOf('/')] : "";
}

/// <summary>Decides which outputs of a worker may be written. Looks at the disk for nothing but the spelling of paths.</summary>
internal static class OutputPlan
{
    /// <summary>Validates all outputs of an action; parents come before what is in them.</summary>
    /// <exception cref="ActionFailureException"><see cref="MessageCodes.OutputRefused"/>: one of them is not allowed.</exception>
    public static List<PlannedOutput> Make(
        IReadOnlyList<ActionOutput> outputs, InputMapping mapping)
    {
        Dictionary<VirtualPath, PlannedOutput> plan = [];
        foreach (ActionOutput output in outputs)
        {
            if (!plan.TryAdd(output.Path, Place(output, mapping)))
            {
                throw Refuse(output.Path, "is returned twice");
            }
        }

        foreach (PlannedOutput planned in plan.Values)
        {
            for (VirtualPath parent = planned.Output.Path.Parent; parent != planned.Root && parent.IsWithin(planned.Root); parent = parent.Parent)
            {
                if (plan.TryGetValue(parent, out PlannedOutput? above) && above.Output is not DirectoryOutput
                    && !(above.Output is DeletedOutput && planned.Output is DeletedOutput))
                {
                    throw Refuse(planned.Output.Path, $"lies below '{parent}', which is not a directory");
                }
            }
        }

        return [.. plan.Values.OrderBy(planned => planned.Output.Path)];
    }

    private static PlannedOutput Place(ActionOutput output, InputMapping mapping)
    {
        VirtualPath path = output.Path;
        if (Disk.Spell(path) != path)
        {
            // Its other name could be one that the policy denies.
            throw Refuse(path, "goes by a short name");
        }

        VirtualPath directory = mapping.OutputDirectories.FirstOrDefault(path.IsWithin);
        if (mapping.OutputFiles.Contains(path))
        {
            return output is FileOutput
                ? new PlannedOutput(output, path.Parent)
                : throw Refuse(path, $"is a declared file and comes back as {Describe(output)}");
        }

        if (directory.IsDefault)
        {
            directory = mapping.WriteRoots.FirstOrDefault(path.IsWithin);
            if (directory.IsDefault)
            {
                throw Refuse(path, "is not within what the action declared");
            }

            if (mapping.Policy.Judge(path) is not ReadVerdict.Served)
            {
                // As .git/hooks: what a worker may not read it may not write either.
                throw Refuse(path, "has a name that a worker may not write");
            }
        }

        if (path == directory && output is not DirectoryOutput)
        {
            throw Refuse(path, $"is a declared directory and comes back as {Describe(output)}");
        }

        if (output is SymlinkOutput link && !StaysWithin(link, directory) && !PointsWithin(link, mapping.WriteRoots))
        {
            throw Refuse(path, $"is a link out of '{directory}'");
        }

        return new PlannedOutput(output, directory);
    }

    // The target may not climb above the directory. '..' behind a name is refused: the name could itself be a link, and then
    // '..' would lead elsewhere than it seems.
    private static bool StaysWithin(SymlinkOutput link, VirtualPath directory)
    {
        if (link.Target.StartsWith('/'))
        {
            return false;
        }

        VirtualPath place = link.Path.Parent;
        bool hasName = false;
        foreach (string name in link.Target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (name == "..")
            {
                if (hasName || place == directory)
                {
                    return false;
                }

                place = place.Parent;
            }
            else if (name != ".")
            {
                hasName = true;
            }
        }

        return true;
    }

    private static bool PointsWithin(SymlinkOutput link, IReadOnlyList<VirtualPath> roots) =>
        VirtualPath.TryParse(link.Target, out VirtualPath target, out _) && roots.Any(target.IsWithin);

    private static string Describe(ActionOutput output) => output switch
    {
        DirectoryOutput => "a directory",
        SymlinkOutput => "a link",
        DeletedOutput => "deleted",
        _ => "a file",
    };

    private static ActionFailureException Refuse(VirtualPath path, string why) => new(
        MessageCodes.OutputRefused, ReprErrorCode.InvalidRequest, $"The worker's output '{path}' {why}; nothing was written, the action runs locally.");
}
