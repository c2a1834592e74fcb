using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Repr.Workspaces.ProjFs;

/// <summary>A line of a listing.</summary>
/// <param name="Name">In the requester's spelling.</param>
/// <param name="Entry">What it says.</param>
internal readonly record struct ProjectedLine(string Name, ProjectedEntry Entry);

/// <summary>Something of the requester's that the file system asked for.</summary>
/// <param name="Id">Its number in this projection; the placeholder carries it.</param>
/// <param name="Name">Its name in staging: the requester's spelling; of a drive, the letter.</param>
/// <param name="Path">Where the requester has it.</param>
/// <param name="File">What the requester says of it.</param>
internal sealed record ProjectedNode(long Id, string Name, VirtualPath Path, FileEntry File)
{
    /// <summary>True for a directory; links are not followed.</summary>
    public bool IsDirectory => File.Kind == FileKind.Directory;
}

/// <summary>
/// The requester's files under the names that the file system uses: <c>C\src\x</c>, in any case, for "/C:/src/x". The exact spelling is
/// asked for first; what is not there is looked for in the listing of its directory. Each question goes to the source once at most,
/// except when two threads ask at the same moment. Safe for concurrent use.
/// </summary>
/// <remarks>
/// Names that no program on Windows can use are left out, with a line in the log; so is all but the first of names in one directory
/// that differ in case only, as far as listings go: each is found by its exact spelling, until one of them lies on the disk.
/// </remarks>
internal sealed partial class ProjectedSource
{
    private readonly IFileSource _source;
    private readonly IProjFs _fileSystem;
    private readonly ILogger _logger;
    private readonly ProjectedNode _root = new(0, "", VirtualPath.Root, new FileEntry("", FileKind.Directory, 0, 0, 0));
    private readonly ConcurrentDictionary<VirtualPath, ProjectedNode> _nodes = new();
    private readonly ConcurrentDictionary<long, ProjectedNode> _byId = new();
    private readonly ConcurrentDictionary<string, ProjectedNode?> _answers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<VirtualPath, Listing> _listings = new();
    private long _lastId;
    private long _questions;

    /// <summary>Makes a view of a source.</summary>
    public ProjectedSource(IFileSource source, IProjFs fileSystem, ILogger logger)
    {
        _source = source;
        _fileSystem = fileSystem;
        _logger = logger;
    }

    /// <summary>How often the source was asked.</summary>
    public long Questions => Interlocked.Read(ref _questions);

    /// <summary>What a placeholder's number stands for; null when it is none of this projection.</summary>
    public ProjectedNode? Get(long id) => _byId.GetValueOrDefault(id);

    /// <summary>What is at a path relative to the root; null when there is nothing.</summary>
    /// <exception cref="ReprException">The source does not know.</exception>
    public async ValueTask<ProjectedNode?> FindAsync(string path, CancellationToken cancellationToken)
    {
        if (path.Length == 0)
        {
            return _root;
        }

        if (_answers.TryGetValue(path, out ProjectedNode? known))
        {
            return known;
        }

        int cut = path.LastIndexOf('\\');
        ProjectedNode? parent = await FindAsync(cut < 0 ? "" : path[..cut], cancellationToken);
        ProjectedNode? found = parent is { IsDirectory: true }
            ? await FindInAsync(parent, path[(cut + 1)..], cancellationToken)
            : null;
        _answers[path] = found;
        return found;
    }

    /// <summary>All that a directory shows, in the file system's order.</summary>
    /// <exception cref="ReprException">The source does not know.</exception>
    public async ValueTask<IReadOnlyList<ProjectedNode>> ListAsync(ProjectedNode directory, CancellationToken cancellationToken) =>
        (await ReadListingAsync(directory, cancellationToken)).Nodes;

    /// <summary>What the file system is told of something.</summary>
    /// <exception cref="ReprException">The source does not know where a link leads to.</exception>
    public async ValueTask<ProjectedEntry> DescribeAsync(ProjectedNode node, CancellationToken cancellationToken)
    {
        FileEntry file = node.File;
        bool isDirectory = node.IsDirectory
            || (file.LinkTarget is not null && await LeadsToDirectoryAsync(node.Path.Parent, file.LinkTarget, cancellationToken));
        return new ProjectedEntry(
            isDirectory, file.Kind == FileKind.File ? file.SizeBytes : 0, FileTimeOf(file), AttributesOf(file, isDirectory), WindowsTarget(file.LinkTarget));
    }

    /// <summary>Opens a file's content.</summary>
    /// <exception cref="ReprException">The content could not be had.</exception>
    public ValueTask<Microsoft.Win32.SafeHandles.SafeFileHandle> OpenAsync(ProjectedNode file, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _questions);
        return _source.OpenAsync(file.Path, cancellationToken);
    }

    private async ValueTask<ProjectedNode?> FindInAsync(ProjectedNode parent, string name, CancellationToken cancellationToken)
    {
        if (TryMap(parent, name) is not { } path)
        {
            return null;
        }

        if (!_listings.ContainsKey(parent.Path) && await AskAsync(path, cancellationToken) is { } entry)
        {
            // Asked for in any spelling, it goes by the requester's.
            bool isSpelling = _fileSystem.CompareNames(entry.Name, name) == 0;
            return isSpelling && !parent.Path.IsRoot
                ? Remember(parent.Path.Append(entry.Name), entry.Name, entry)
                : Remember(path, isSpelling ? entry.Name : name, entry);
        }

        return (await ReadListingAsync(parent, cancellationToken)).Find(path.Name, _fileSystem);
    }

    private async ValueTask<Listing> ReadListingAsync(ProjectedNode directory, CancellationToken cancellationToken)
    {
        if (_listings.TryGetValue(directory.Path, out Listing? known))
        {
            return known;
        }

        Interlocked.Increment(ref _questions);
        List<ProjectedNode> nodes = [];
        foreach (FileEntry entry in await _source.ListAsync(directory.Path, cancellationToken))
        {
            bool isDrive = directory.Path.IsRoot && entry.Name.Length == 2 && entry.Name[1] == ':';
            string name = isDrive ? entry.Name[..1] : entry.Name;
            if (TryMap(directory, name) is null)
            {
                Log.NameLeftOut(_logger, entry.Name, directory.Path);
                continue;
            }

            nodes.Add(Remember(directory.Path.Append(entry.Name), entry.Name, entry));
        }

        return _listings[directory.Path] = Listing.Make(nodes, _fileSystem, hidden => Log.NameHidden(_logger, hidden.Name, directory.Path));
    }

    // Where the requester would have a name; null for one that nobody can have.
    private static VirtualPath? TryMap(ProjectedNode directory, string name)
    {
        bool isUsable = directory.Path.IsRoot ? WindowsName.IsDrive(name) : WindowsName.IsValid(name);
        string text = directory.Path.IsRoot ? $"/{char.ToUpperInvariant(name[0])}:" : $"{directory.Path.Text}/{name}";
        return isUsable && VirtualPath.TryParse(text, out VirtualPath path, out _) ? path : null;
    }

    private async ValueTask<FileEntry?> AskAsync(VirtualPath path, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _questions);
        return await _source.FindAsync(path, cancellationToken);
    }

    private ProjectedNode Remember(VirtualPath path, string name, FileEntry entry)
    {
        ProjectedNode node = _nodes.GetOrAdd(
            path, where => new ProjectedNode(Interlocked.Increment(ref _lastId), where.Parent.IsRoot ? where.Name[..1] : name, where, entry));
        _byId.TryAdd(node.Id, node);
        return node;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "'{Name}' in '{Directory}' is no name that Windows can use; the action does not see it.")]
        public static partial void NameLeftOut(ILogger logger, string name, VirtualPath directory);

        [LoggerMessage(LogLevel.Warning, "'{Name}' in '{Directory}' differs in case only from another name; listings show the other one.")]
        public static partial void NameHidden(ILogger logger, string name, VirtualPath directory);
    }
}
