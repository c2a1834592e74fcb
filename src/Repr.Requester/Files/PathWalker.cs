using Repr.Requester.Placeholders;

namespace Repr.Requester.Files;

/// <summary>Where a path leads.</summary>
/// <param name="Path">The physical path: no component of its parent is a link.</param>
/// <param name="Stat">What is there; null: nothing.</param>
internal readonly record struct ResolvedPath(VirtualPath Path, FileStat? Stat);

/// <summary>
/// Walks paths on this machine's disk component by component, as path_resolution(7) does (on Windows in the file system's spelling), and notes what it meets on the way:
/// directories, links, and where nothing is. Looks at each place once, so that all it says is of one moment. One action's; not
/// safe for concurrent use.
/// </summary>
internal sealed class PathWalker
{
    private const int MaximumLinks = 40; // as the kernel

    private readonly Dictionary<VirtualPath, FileStat?> _stats = [];
    private readonly Dictionary<VirtualPath, ResolvedPath> _resolved = [];
    private readonly Dictionary<VirtualPath, ResolvedPath?> _found = [];
    private readonly Action<InputFact> _met;
    private readonly PlaceholderContents? _placeholders;

    /// <summary>Makes a walker.</summary>
    /// <param name="met">Is told each directory, link and absent place on the way; files are left to the caller.</param>
    /// <param name="placeholders">Links that are files; null: none are.</param>
    public PathWalker(Action<InputFact> met, PlaceholderContents? placeholders)
    {
        _met = met;
        _placeholders = placeholders;
    }

    /// <summary>Follows a path, links included, to its end.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidInput"/>: a place cannot be looked at.</exception>
    public ResolvedPath Resolve(VirtualPath path) => Resolve(path, 0);

    /// <summary>Goes to a path that is believed to be physical; null when a link or a file stands in its way.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidInput"/>: a place cannot be looked at.</exception>
    public ResolvedPath? Find(VirtualPath path)
    {
        if (!_found.TryGetValue(path, out ResolvedPath? found))
        {
            found = FindFirst(path);
            _found.Add(path, found);
        }

        return found;
    }

    /// <summary>What is at a physical path.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidInput"/>: it cannot be looked at.</exception>
    public FileStat? Look(VirtualPath path)
    {
        if (!_stats.TryGetValue(path, out FileStat? stat))
        {
            try
            {
                stat = Disk.TryStat(path);
                if (stat is { IsSymlink: true } link && _placeholders is not null)
                {
                    stat = _placeholders.See(link, Disk.ReadLink(path));
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new ReprException(ReprErrorCode.InvalidInput, exception.Message, exception);
            }

            _stats.Add(path, stat);
        }

        return stat;
    }

    /// <summary>The text of a link.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidInput"/>: it is not a link any more.</exception>
    public static string ReadLink(VirtualPath path)
    {
        try
        {
            return Disk.ReadLink(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ReprException(ReprErrorCode.InvalidInput, exception.Message, exception);
        }
    }

    /// <summary>The fact for a directory of whose names nothing is said.</summary>
    public static DirectoryFact ToFact(VirtualPath path, FileStat directory) => new(path, false, directory.Mode, directory.ModifiedNs);

    private ResolvedPath? FindFirst(VirtualPath path)
    {
        if (path.IsRoot)
        {
            return Resolve(path, 0);
        }

        VirtualPath above = path.Parent;
        if (Find(above) is not { Stat.IsDirectory: true } parent)
        {
            return null;
        }

        VirtualPath place = Disk.Spell(path, above, parent.Path);
        FileStat? stat = Look(place);
        if (stat is { IsDirectory: true } directory)
        {
            _met(ToFact(place, directory));
        }

        return new ResolvedPath(place, stat);
    }

    private ResolvedPath Resolve(VirtualPath path, int links)
    {
        if (_resolved.TryGetValue(path, out ResolvedPath known))
        {
            return known;
        }

        ResolvedPath result = ResolveLast(path, links);
        _resolved[path] = result;
        return result;
    }

    private ResolvedPath ResolveLast(VirtualPath path, int links)
    {
        VirtualPath place = path;
        if (!path.IsRoot)
        {
            VirtualPath above = path.Parent;
            ResolvedPath parent = Resolve(above, links);
            place = Disk.Spell(path, above, parent.Path);
            if (parent.Stat is not { IsDirectory: true })
            {
                return new ResolvedPath(place, null);
            }
        }

        FileStat? stat = Look(place);
        if (stat is null)
        {
            _met(new AbsentFact(place));
        }
        else if (stat.Value.IsDirectory)
        {
            _met(ToFact(place, stat.Value));
        }
        else if (stat.Value.IsSymlink)
        {
            return Follow(place, links);
        }

        return new ResolvedPath(place, stat);
    }

    private ResolvedPath Follow(VirtualPath link, int links)
    {
        string target = ReadLink(link);
        _met(new SymlinkFact(link, target));
        if (links >= MaximumLinks)
        {
            return new ResolvedPath(link, null);
        }

        if (OperatingSystem.IsWindows())
        {
            return Disk.ResolveWindowsLink(link, target) is { } path ? Resolve(path, links + 1) : new ResolvedPath(link, null);
        }

        VirtualPath start = target.StartsWith('/') ? VirtualPath.Root : link.Parent;
        ResolvedPath current = new(start, Look(start));
        foreach (string name in target.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (current.Stat is not { IsDirectory: true })
            {
                return new ResolvedPath(current.Path, null);
            }

            current = name switch
            {
                "." => current,
                ".." => new ResolvedPath(current.Path.Parent, Look(current.Path.Parent)),
                _ => Resolve(current.Path.Append(name), links + 1),
            };
        }

        return current;
    }
}
