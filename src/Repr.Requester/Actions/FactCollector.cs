using Microsoft.Win32.SafeHandles;
using Repr.Requester.Content;
using Repr.Requester.Files;

namespace Repr.Requester.Actions;

/// <summary>
/// Collects facts about this machine's files, each place looked at once. One action's; not safe for concurrent use.
/// </summary>
internal sealed class FactCollector
{
    private const int SmallBytes = 1 << 14;
    private const int MaximumHere = 16; // files of an action: the others are hashed beside each other

    private readonly DigestCache _digests;
    private readonly CancellationToken _cancellationToken;
    private readonly Dictionary<VirtualPath, Task<HashedFile>> _files = [];
    private int _here;

    /// <summary>Makes one that has nothing yet.</summary>
    public FactCollector(DigestCache digests, CancellationToken cancellationToken)
    {
        _digests = digests;
        _cancellationToken = cancellationToken;
        Walker = new PathWalker(Add, digests.Placeholders);
    }

    /// <summary>Walks paths; what it meets on the way is added.</summary>
    public PathWalker Walker { get; }

    /// <summary>What is known, complete after <see cref="FinishAsync"/>.</summary>
    public Dictionary<VirtualPath, InputFact> Facts { get; } = [];

    /// <summary>Where the content of the facts is.</summary>
    public Dictionary<Digest, ContentSource> Sources { get; } = [];

    /// <summary>Paths whose fact is not the disk's.</summary>
    public HashSet<VirtualPath> Imposed { get; } = [];

    /// <summary>Sets a fact whatever the disk says.</summary>
    public void Impose(InputFact fact)
    {
        Imposed.Add(fact.Path);
        Facts[fact.Path] = fact;
    }

    /// <summary>Sets a file that exists only for the action.</summary>
    public void Impose(VirtualFile file, long nowNs)
    {
        ContentSource source = ContentSource.OfBytes(file.Content);
        Sources[source.Digest] = source;
        Impose(new FileFact(file.Path, source.Digest, file.Content.Length, 0x1A4, nowNs)); // 0o644
    }

    /// <summary>Sets those of a directory and its parents that do not exist.</summary>
    public void ImposeDirectories(VirtualPath directory, long nowNs)
    {
        for (VirtualPath path = directory; Walker.Look(path) is null && !Imposed.Contains(path); path = path.Parent)
        {
            Impose(new DirectoryFact(path, true, 0x1ED, nowNs)); // 0o755
        }
    }

    /// <summary>Adds a fact if it says more than what is known.</summary>
    public void Add(InputFact fact)
    {
        if (Imposed.Contains(fact.Path))
        {
            return;
        }

        bool knowsMore = !Facts.TryGetValue(fact.Path, out InputFact? known)
            || (known is DirectoryFact { IsComplete: false } && fact is DirectoryFact)
            || (known is FileFact { Digest: null } && fact is FileFact);
        if (knowsMore)
        {
            Facts[fact.Path] = fact;
        }
    }

    /// <summary>Adds a regular file with its digest. What has to be hashed is hashed by other threads, but for the first few small files: to wake a thread takes longer than they do.</summary>
    public void AddFile(ResolvedPath file)
    {
        if (file.Stat is { IsFile: true } stat && !Imposed.Contains(file.Path) && !_files.ContainsKey(file.Path))
        {
            if (_digests.TryGet(stat, out Digest digest))
            {
                AddHashed(file.Path, new HashedFile(digest, stat));
            }
            else
            {
                bool isHere = stat.SizeBytes <= SmallBytes && _here++ < MaximumHere;
                _files.Add(file.Path, isHere ? HashHere(file.Path) : _digests.GetAsync(file.Path.Text, stat, _cancellationToken).AsTask());
            }
        }
    }

    /// <summary>Adds a directory with all its entries.</summary>
    public void AddListing(VirtualPath directory, FileStat stat)
    {
        try
        {
            using SafeFileHandle handle = Disk.TryOpenDirectory(directory) ?? throw new IOException($"'{directory}' has vanished.");
            foreach (string name in Disk.List(handle))
            {
                AddEntry(directory.Append(name));
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ReprException)
        {
            return; // A listing that cannot be had completely is not predicted.
        }

        Add(new DirectoryFact(directory, true, stat.Mode, stat.ModifiedNs));
    }

    /// <summary>Adds what is at a place that earlier runs looked at, as far as the read policy allows.</summary>
    public void Predict(ReadPolicy policy, ObservedInput input)
    {
        ReadVerdict verdict = policy.Judge(input.Path);
        if (verdict == ReadVerdict.Denied)
        {
            return;
        }

        ResolvedPath? found;
        try
        {
            found = Walker.Find(input.Path);
        }
        catch (ReprException)
        {
            return; // A prediction that cannot be looked at is none.
        }

        if (found is not { } entry)
        {
            return;
        }

        if (entry.Stat is not { } stat)
        {
            Add(new AbsentFact(entry.Path));
        }
        else if (verdict == ReadVerdict.WayOnly || stat.IsDirectory)
        {
            if (stat.IsDirectory && verdict == ReadVerdict.Served && input.Kind == ObservedKind.Listed)
            {
                AddListing(entry.Path, stat);
            }
        }
        else if (stat.IsSymlink)
        {
            Add(new SymlinkFact(entry.Path, PathWalker.ReadLink(entry.Path)));
        }
        else if (stat.IsFile && input.Kind == ObservedKind.Read && verdict == ReadVerdict.Served)
        {
            AddFile(entry);
        }
        else if (stat.IsFile)
        {
            Add(new FileFact(entry.Path, null, stat.SizeBytes, stat.Mode, stat.ModifiedNs));
        }
    }

    /// <summary>Waits for all digests. Files that could not be read are left out.</summary>
    public async Task FinishAsync()
    {
        foreach ((VirtualPath path, Task<HashedFile> hashing) in _files)
        {
            try
            {
                AddHashed(path, await hashing);
            }
            catch (ReprException)
            {
                // It is asked for, and answered with the reason, if the tool really wants it.
            }
        }

        // Said by the directory that is complete without them.
        foreach (InputFact fact in Facts.Values.ToList())
        {
            if (fact is AbsentFact
                && !Imposed.Contains(fact.Path)
                && Facts.TryGetValue(fact.Path.Parent, out InputFact? parent)
                && parent is DirectoryFact { IsComplete: true })
            {
                Facts.Remove(fact.Path);
            }
        }
    }

    private Task<HashedFile> HashHere(VirtualPath path)
    {
        try
        {
            return Task.FromResult(_digests.Hash(path.Text));
        }
        catch (ReprException exception)
        {
            return Task.FromException<HashedFile>(exception); // as of those that others hash
        }
    }

    private void AddHashed(VirtualPath path, HashedFile file)
    {
        Facts[path] = new FileFact(path, file.Digest, file.Stat.SizeBytes, file.Stat.Mode, file.Stat.ModifiedNs);
        Sources.TryAdd(file.Digest, ContentSource.OfFile(path.Text, file));
    }

    private void AddEntry(VirtualPath path)
    {
        if (Walker.Look(path) is not { } stat)
        {
            return;
        }

        if (stat.IsDirectory)
        {
            Add(PathWalker.ToFact(path, stat));
        }
        else if (stat.IsSymlink)
        {
            Add(new SymlinkFact(path, PathWalker.ReadLink(path)));
        }
        else if (stat.IsFile)
        {
            Add(new FileFact(path, null, stat.SizeBytes, stat.Mode, stat.ModifiedNs));
        }
    }
}
