namespace Repr.Workspaces.Fuse;

/// <summary>
/// What is known of the source, as a tree of numbered nodes that grows as the kernel asks. Every question goes to the source
/// once at most, except when two threads ask at the same moment. Safe for concurrent use.
/// </summary>
internal sealed class FuseTree : ILowerLayer
{
    private readonly IFileSource _source;
    private readonly Lock _growing = new();
    private FuseNode[] _nodes = new FuseNode[1024];
    private int _count = 1;

    /// <summary>Makes a tree of the root alone.</summary>
    public FuseTree(IFileSource source, FileEntry root)
    {
        _source = source;
        Root = Add(null, VirtualPath.Root, root);
    }

    /// <summary>The node of "/".</summary>
    public FuseNode Root { get; }

    /// <summary>The nodes so far.</summary>
    public ReadOnlySpan<FuseNode> Nodes
    {
        get
        {
            lock (_growing)
            {
                return _nodes.AsSpan(1, _count - 1);
            }
        }
    }

    /// <summary>The node of a number that the kernel was given.</summary>
    public FuseNode Get(ulong id) => Volatile.Read(ref _nodes)[id];

    /// <summary>Finds a name in a directory; null when it is absent.</summary>
    /// <exception cref="ReprException">The source does not know, or the path is too long to be one.</exception>
    public ValueTask<FuseNode?> FindAsync(FuseNode directory, string name, CancellationToken cancellationToken)
    {
        lock (directory)
        {
            if (directory.TryGetChild(name, out FuseNode? child))
            {
                return ValueTask.FromResult(child);
            }
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
            if (directory.Listing is { } known)
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
            if (!directory.TryGetChild(name, out FuseNode? child))
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
            if (directory.Listing is null)
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
            if (_count == _nodes.Length)
            {
                FuseNode[] larger = new FuseNode[2 * _nodes.Length];
                _nodes.CopyTo(larger, 0);
                Volatile.Write(ref _nodes, larger);
            }

            FuseNode node = new((ulong)_count, parent, path, entry);
            _nodes[_count++] = node;
            return node;
        }
    }
}
