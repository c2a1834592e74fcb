using System.Text;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// What is known of the source, as a tree of numbered nodes that grows as the kernel asks. Every question goes to the source
/// once at most, except when two threads ask at the same moment. Safe for concurrent use.
/// </summary>
/// <remarks>
/// A source whose files may go (<see cref="MayChange"/>) is asked each time, and what the kernel has forgotten is let go: such a tree is as large
/// as what the kernel knows of it. Then LOOKUP and FORGET must come one after the other.
/// </remarks>
internal sealed class FuseTree : ILowerLayer
{
    private const int FewestForetold = 3; // else it saves no message
    private const int LongestForetold = 2048; // bytes of a directory's path
    private const int RoomForForetold = 32 * 1024; // bytes of all their paths
    private const int OwnerCanList = 0x140; // 0o500

    private readonly IFileSource _source;
    private readonly Lock _growing = new();
    private readonly Stack<ulong> _free = new();
    private FuseNode?[] _nodes = new FuseNode?[1024];
    private int _count = 1;

    /// <summary>Makes a tree of the root alone.</summary>
    /// <param name="source">What it shows.</param>
    /// <param name="root">The root.</param>
    /// <param name="mayChange">Whether files of the source may come and go. No directory goes, and no file becomes another one.</param>
    public FuseTree(IFileSource source, FileEntry root, bool mayChange = false)
    {
        _source = source;
        MayChange = mayChange;
        Root = Add(null, VirtualPath.Root, root);
    }

    /// <summary>The node of "/".</summary>
    public FuseNode Root { get; }

    /// <summary>Whether files may come and go.</summary>
    public bool MayChange { get; }

    /// <summary>The nodes that there are now.</summary>
    public FuseNode[] Nodes
    {
        get
        {
            lock (_growing)
            {
                return [.. _nodes.OfType<FuseNode>()];
            }
        }
    }

    /// <summary>The node of a number that the kernel was given.</summary>
    public FuseNode Get(ulong id) => Volatile.Read(ref _nodes)[id]!;

    /// <summary>Lets a node go that the kernel does not know any more. Its number is given again.</summary>
    public void Drop(FuseNode node)
    {
        lock (node.Parent)
        {
            node.Parent.RemoveChild(node);
        }

        lock (_growing)
        {
            _nodes[node.Id] = null;
            _free.Push(node.Id);
        }
    }

    /// <summary>Finds a name in a directory; null when it is absent.</summary>
    /// <exception cref="ReprException">The source does not know, or the path is too long to be one.</exception>
    public ValueTask<FuseNode?> FindAsync(FuseNode directory, string name, CancellationToken cancellationToken)
    {
        lock (directory)
        {
            if (!MayChange && directory.TryGetChild(name, out FuseNode? child))
            {
                return ValueTask.FromResult(child);
            }
        }

        // A sandbox mounts its own over them: nobody sees what lies there, and asking would be noted as if the tool had looked.
        if (!MayChange && directory == Root && name is "dev" or "proc")
        {
            return default;
        }

        VirtualPath path = directory.Path.Append(name);
        ValueTask<FileEntry?> question = _source.FindAsync(path, cancellationToken);
        return question.IsCompletedSuccessfully
            ? ValueTask.FromResult(Remember(directory, name, path, question.Result))
            : AwaitAsync(question);

        async ValueTask<FuseNode?> AwaitAsync(ValueTask<FileEntry?> pending) => Remember(directory, name, path, await pending);
    }

    /// <summary>All entries of a directory.</summary>
    /// <exception cref="ReprException">The source does not know.</exception>
    public ValueTask<FuseNode[]> ListAsync(FuseNode directory, CancellationToken cancellationToken)
    {
        lock (directory)
        {
            if (!MayChange && directory.Listing is { } known)
            {
                return ValueTask.FromResult(known);
            }
        }

        ValueTask<IReadOnlyList<FileEntry>> question = _source.ListAsync(directory.Path, cancellationToken);
        return question.IsCompletedSuccessfully
            ? ValueTask.FromResult(Remember(directory, question.Result))
            : AwaitAsync(question);

        async ValueTask<FuseNode[]> AwaitAsync(ValueTask<IReadOnlyList<FileEntry>> pending) => Remember(directory, await pending);
    }

    /// <summary>
    /// Prepares the kernel to be told of files that a tool is known to look at: each directory returned is to be listed before the tool runs, and
    /// shows the first who opens it these files alone. For the source they have been looked at.
    /// </summary>
    /// <param name="files">The files, and what the tool does with them: of those that it reads, the kernel is told the content, too.</param>
    /// <param name="cancellationToken">Stops the asking.</param>
    /// <returns>The directories.</returns>
    /// <exception cref="ReprException">The source does not know.</exception>
    public async ValueTask<IReadOnlyList<VirtualPath>> ForetellAsync(IEnumerable<ObservedInput> files, CancellationToken cancellationToken)
    {
        List<VirtualPath> directories = [];
        int room = RoomForForetold;
        foreach (IGrouping<VirtualPath, ObservedInput> group in files.Where(static file => !file.Path.IsRoot).DistinctBy(static file => file.Path).GroupBy(static file => file.Path.Parent))
        {
            int length = Encoding.UTF8.GetByteCount(group.Key.Text) + 1;
            if (group.Count() < FewestForetold
                || length > Math.Min(room, LongestForetold)
                || await DirectoryAsync(group.Key, cancellationToken) is not { } directory)
            {
                continue;
            }

            List<FuseNode> known = [];
            List<FuseNode> read = [];
            foreach (ObservedInput file in group)
            {
                if (await FindAsync(directory, file.Path.Name, cancellationToken) is { } node)
                {
                    known.Add(node);
                    if (file.Kind == ObservedKind.Read && node.Entry.Kind == FileKind.File)
                    {
                        read.Add(node);
                    }
                }
            }

            if (known.Count > 0)
            {
                directory.Foretold = [.. known];
                directory.ForetoldContents = [.. read];
                directories.Add(group.Key);
                room -= length;
            }
        }

        return directories;
    }

    // Null: it is none, the way to it has a link, or its owner, as whom all look, could not list it.
    private async ValueTask<FuseNode?> DirectoryAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        FuseNode node = Root;
        foreach (string name in path.Text.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (await FindAsync(node, name, cancellationToken) is not { Entry.Kind: FileKind.Directory } next
                || (next.Entry.Mode & OwnerCanList) != OwnerCanList)
            {
                return null;
            }

            node = next;
        }

        return node;
    }

    /// <inheritdoc/>
    public FileEntry? Find(VirtualPath path) => Walk(path)?.Entry;

    /// <inheritdoc/>
    public IReadOnlyList<string> Names(VirtualPath directory)
    {
        FuseNode? node = Walk(directory);
        if (node is null)
        {
            return [];
        }

        lock (node)
        {
            return node.Listing is { } listing ? [.. listing.Select(child => child.Entry.Name)] : [];
        }
    }

    private FuseNode? Walk(VirtualPath path)
    {
        FuseNode? node = Root;
        foreach (string name in path.Text.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            FuseNode directory = node;
            lock (directory)
            {
                _ = directory.TryGetChild(name, out node);
            }

            if (node is null)
            {
                return null;
            }
        }

        return node;
    }

    private FuseNode? Remember(FuseNode directory, string name, VirtualPath path, FileEntry? entry)
    {
        lock (directory)
        {
            bool isKnown = directory.TryGetChild(name, out FuseNode? child);
            if (MayChange)
            {
                // What is gone stays a node for those who have it open.
                child = entry is null ? null : child ?? Add(directory, path, entry);
                if (child is not null)
                {
                    directory.SetChild(name, child);
                }
            }
            else if (!isKnown)
            {
                child = entry is null ? null : Add(directory, path, entry);
                directory.SetChild(name, child);
            }

            return child;
        }
    }

    private FuseNode[] Remember(FuseNode directory, IReadOnlyList<FileEntry> entries)
    {
        lock (directory)
        {
            if (directory.Listing is null || MayChange)
            {
                FuseNode[] listing = new FuseNode[entries.Count];
                for (int i = 0; i < listing.Length; i++)
                {
                    string name = entries[i].Name;
                    _ = directory.TryGetChild(name, out FuseNode? child);
                    if (child is null)
                    {
                        child = Add(directory, directory.Path.Append(name), entries[i]);
                        directory.SetChild(name, child);
                    }

                    listing[i] = child;
                }

                directory.Listing = listing;
            }

            return directory.Listing;
        }
    }

    private FuseNode Add(FuseNode? parent, VirtualPath path, FileEntry entry)
    {
        lock (_growing)
        {
            if (!_free.TryPop(out ulong id))
            {
                if (_count == _nodes.Length)
                {
                    FuseNode?[] larger = new FuseNode?[2 * _nodes.Length];
                    _nodes.CopyTo(larger, 0);
                    Volatile.Write(ref _nodes, larger);
                }

                id = (ulong)_count++;
            }

            FuseNode node = new(id, parent, path, entry);
            _nodes[id] = node;
            return node;
        }
    }
}
