using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Fuse;

/// <summary>
/// One path that the source has told of. Kept for the whole action, since answers never change; only its content is let go
/// when the kernel forgets it (and the node too, where answers may change). Members are guarded by a lock on the node.
/// </summary>
internal sealed class FuseNode(ulong id, FuseNode? parent, VirtualPath path, FileEntry entry)
{
    private Dictionary<string, FuseNode?>? _children;
    private bool _isForetelling;

    /// <summary>Number for the kernel, from 1 (the root); also the inode number.</summary>
    public ulong Id => id;

    /// <summary>The directory that holds it; the root's is the root.</summary>
    public FuseNode Parent => parent ?? this;

    /// <summary>Where it is.</summary>
    public VirtualPath Path => path;

    /// <summary>What it is.</summary>
    public FileEntry Entry => entry;

    /// <summary>All entries, once they have been asked for.</summary>
    public FuseNode[]? Listing { get; set; }

    /// <summary>Entries that the kernel is told of before anybody asks (<see cref="FuseTree.ForetellAsync"/>): what the first who opens it is shown.</summary>
    public FuseNode[]? Foretold { get; set; }

    /// <summary>Those of them whose content the kernel is told of, too.</summary>
    public FuseNode[]? ForetoldContents { get; set; }

    /// <summary>How often the kernel was told of it and has not forgotten.</summary>
    public long Lookups { get; set; }

    /// <summary>How often it is open. Counted only where files may go (<see cref="FuseTree.MayChange"/>).</summary>
    public int Opens { get; set; }

    /// <summary>The file's content, from the first OPEN or READ until the kernel forgets the node, or closes it where files may go.</summary>
    public SafeFileHandle? Content { get; set; }

    /// <summary>The kernel's number of the content, when it serves it itself; else 0.</summary>
    public int BackingId { get; set; }

    /// <summary>The source's answer under way, so that the source is asked once.</summary>
    public Task? Opening { get; set; }

    /// <summary>True once, when there are entries to foretell.</summary>
    public bool BeginForetelling()
    {
        lock (this)
        {
            return Foretold is not null && !_isForetelling && (_isForetelling = true);
        }
    }

    /// <summary>What is known about a name.</summary>
    /// <returns>True when it is known; then the child, or null when it is absent.</returns>
    public bool TryGetChild(string name, out FuseNode? child)
    {
        child = null;
        return (_children is not null && _children.TryGetValue(name, out child)) || Listing is not null;
    }

    /// <summary>Forgets a child, if it still is that.</summary>
    public void RemoveChild(FuseNode child)
    {
        if (_children is not null && _children.TryGetValue(child.Entry.Name, out FuseNode? known) && known == child)
        {
            _children.Remove(child.Entry.Name);
        }
    }

    /// <summary>Remembers what a name is; null: absent.</summary>
    public void SetChild(string name, FuseNode? child) => (_children ??= new(StringComparer.Ordinal))[name] = child;
}
