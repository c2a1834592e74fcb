namespace Repr.Server.Execution;

// The directories that are the worker's own affair.
internal sealed partial class InputTree
{
    private const int PrivateMode = 0x1ED; // 0o755
    private const int PrivateTmpMode = 0x3FF; // 0o1777

    // Each is there, with what is mapped in it and nothing else.
    private void AddPrivate(IEnumerable<VirtualPath> directories)
    {
        foreach (VirtualPath path in directories)
        {
            int mode = path.Name == "tmp" ? PrivateTmpMode : PrivateMode;
            _facts[path] = Known(new DirectoryFact(path, IsComplete: true, mode, ModifiedNs: 0));
        }
    }

    // Those of one action: unlike the system's they lie anywhere, also where the requester has nothing. Returns the directories in them that no
    // fact named, in order.
    private IOrderedEnumerable<VirtualPath> AddTemporary(IReadOnlyList<VirtualPath> directories)
    {
        List<VirtualPath> made = [];
        AddPrivate(directories);

        // A mapping need not name the directories of its files.
        foreach (VirtualPath mapped in _facts.Keys.Where(path => directories.Any(path.IsWithin)).ToList())
        {
            for (VirtualPath place = mapped; !directories.Contains(place); place = place.Parent)
            {
                if (_facts.TryAdd(place, Known(Way(place))))
                {
                    made.Add(place);
                }
            }
        }

        // From the drive down: what is above them is there, whatever the mapping says. Of others the requester says what else is in them.
        foreach (VirtualPath way in _ways.Order())
        {
            if (PeekAt(way) is AbsentFact || (PeekAt(way) is null && PeekAt(way.Parent) is DirectoryFact { IsComplete: true }))
            {
                _facts[way] = Known(Way(way));
            }
        }

        return made.Order();
    }

    private static IEnumerable<VirtualPath> Above(VirtualPath path)
    {
        for (VirtualPath place = path.Parent; !place.IsRoot; place = place.Parent)
        {
            yield return place;
        }
    }

    // Where the requester has nothing, there is what leads on and nothing else.
    private DirectoryFact MakeWay(VirtualPath path)
    {
        foreach (VirtualPath below in _ways.Where(way => way != path && way.IsWithin(path)))
        {
            _facts.TryAdd(below, Known(Way(below)));
        }

        return Way(path);
    }

    private static DirectoryFact Way(VirtualPath path) => new(path, IsComplete: true, PrivateMode, ModifiedNs: 0);

    // Of a private directory itself, the names that are looked for are those of temporary files, new ones each time: what it has says more.
    private void Note(VirtualPath path, ObservedKind kind)
    {
        bool isPrivate = IsPrivate(path);
        if (isPrivate && kind == ObservedKind.Absent && _private.Contains(path.Parent))
        {
            (path, kind) = (path.Parent, ObservedKind.Listed);
        }

        Observed.Note(path, kind, isPrivate);
    }

    private bool IsPrivate(VirtualPath path)
    {
        foreach (VirtualPath root in _private)
        {
            if (path.IsWithin(root))
            {
                return true;
            }
        }

        return false;
    }
}
