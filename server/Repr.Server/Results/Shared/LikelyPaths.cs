using Repr.Protocol.V1;
using Repr.Server.Execution;
using CoreObservedInput = Repr.ObservedInput;

namespace Repr.Server.Results.Shared;

/// <summary>
/// What a run will probably look at, from what others of the same shape or tool did: to be asked about at once, before it starts. No name of one
/// requester's files is told to another: below the place of the sources only to who runs the same command there; elsewhere only of the system's
/// own directories, of the tool's, and of directories that this requester has named itself, or a file in them. Pure.
/// </summary>
internal static class LikelyPaths
{
    /// <summary>Paths in one question.</summary>
    public const int Maximum = 1024;

    // One is asked when it is needed: it costs the same.
    private const int LeastWorthwhile = 2;

    // A path that fewer than one run in so many looked at is left to chance.
    private const uint RunsPerUse = 4;

    // Of packages of the system, whose names are no secret. What an administrator or user has put there is.
    private static readonly VirtualPath[] s_system =
        [.. new[] { "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/etc/alternatives" }.Select(VirtualPath.Parse)];

    private static readonly VirtualPath[] s_own = [.. new[] { "/usr/local", "/usr/src" }.Select(VirtualPath.Parse)];

    /// <summary>Writes down what a run looked at, for others.</summary>
    /// <param name="observed">In the order of first use.</param>
    /// <param name="shape">Of the command.</param>
    /// <param name="command">The command.</param>
    /// <param name="ofTool">Only what lies elsewhere than its sources, and has no name of a requester's own.</param>
    public static IEnumerable<LikelyInput> Learn(
        IEnumerable<CoreObservedInput> observed, CommandShape shape, Command command, bool ofTool) => observed
        .Where(input => !IsPrivate(input.Path))
        .Select(input => (input, isSource: !shape.Sources.IsRoot && input.Path.IsWithin(shape.Sources)))
        .Where(found => !ofTool || (!found.isSource && IsPublic(found.input.Path, shape, command)))
        .Take(KnowledgeMerge.MaximumLikely)
        .Select(found => new LikelyInput
        {
            Path = found.isSource ? found.input.Path.Text[shape.Sources.Text.Length..] : found.input.Path.Text,
            InSources = found.isSource,
            Kind = (Protocol.V1.ObservedInput.Types.Kind)found.input.Kind,
        });

    /// <summary>Chooses what is asked.</summary>
    /// <param name="ofShape">Of runs of the same command; null: there were none.</param>
    /// <param name="ofTool">Of runs of the same tool; null: there were none.</param>
    /// <param name="shape">Of the command.</param>
    /// <param name="command">The command.</param>
    /// <param name="files">What is known already.</param>
    /// <returns>Empty: it is not worth a question.</returns>
    public static IReadOnlyList<CoreObservedInput> Choose(
        Knowledge? ofShape, Knowledge? ofTool, CommandShape shape, Command command, InputTree files)
    {
        Knowledge? known = ofShape is { Likely.Count: > 0 } ? ofShape : ofTool;
        HashSet<VirtualPath> named = FindNamed(command);
        List<CoreObservedInput> chosen = [];
        HashSet<VirtualPath> seen = [];
        foreach (LikelyInput likely in known?.Likely ?? [])
        {
            if (likely.Runs * RunsPerUse >= known!.Runs
                && Place(likely, shape, command, named, files) is { } input
                && seen.Add(input.Path)
                && !files.Knows(input))
            {
                chosen.Add(input);
                if (chosen.Count == Maximum)
                {
                    break;
                }
            }
        }

        return chosen.Count < LeastWorthwhile ? [] : chosen;
    }

    // Directories that the command itself names, in lists of its environment as in PATH, or in its arguments as in -I/opt/include.
    private static HashSet<VirtualPath> FindNamed(Command command)
    {
        HashSet<VirtualPath> named = [];
        foreach (string text in command.Environment
            .Where(static variable => variable.Key.EndsWith("PATH", StringComparison.Ordinal))
            .SelectMany(static variable => variable.Value.Split(':'))
            .Concat(command.Arguments))
        {
            if (text.IndexOf('/', StringComparison.Ordinal) is >= 0 and int start && VirtualPath.TryParse(text[start..].TrimEnd('/'), out VirtualPath path, out _))
            {
                named.Add(path);
            }
        }

        return named;
    }

    private static CoreObservedInput? Place(LikelyInput likely, CommandShape shape, Command command, HashSet<VirtualPath> named, InputTree files)
    {
        string text = likely.InSources ? shape.Sources.Text + likely.Path : likely.Path;
        if (!VirtualPath.TryParse(text, out VirtualPath path, out _) || !Enum.IsDefined((ObservedKind)likely.Kind))
        {
            return null;
        }

        bool mayBeNamed = likely.InSources ? path.IsWithin(shape.Sources) : IsPublic(path, shape, command) || files.HasMappedFileIn(path.Parent)
            || named.Contains(path.Parent) || named.Any(directory => directory.IsWithin(path));
        return mayBeNamed ? new CoreObservedInput(path, (ObservedKind)likely.Kind) : null;
    }

    private static bool IsPublic(VirtualPath path, CommandShape shape, Command command)
    {
        VirtualPath tool = command.Program.Parent;
        return (s_system.Any(path.IsWithin) && !s_own.Any(path.IsWithin))
            || (!tool.IsRoot && path.IsWithin(tool) && !shape.Sources.IsWithin(tool) && !command.WorkingDirectory.IsWithin(tool));
    }

    private static bool IsPrivate(VirtualPath path) => InputTree.PrivateDirectories.Any(path.IsWithin);
}
