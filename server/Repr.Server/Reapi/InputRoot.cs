using System.Collections.Concurrent;
using Repr.Protocol;
using Repr.Protocol.Reapi;
using Repr.Server.Execution;
using ReapiDirectory = Repr.Protocol.Reapi.Directory;

namespace Repr.Server.Reapi;

/// <summary>
/// The files of one action of the Remote Execution API: its tree of directories, spelled out below <see cref="Place"/>. All directories
/// are complete, so nobody is ever asked about a path; content that is in a far store only is brought near when it is opened.
/// </summary>
internal sealed class InputRoot(ILocalContentStore store) : IRequesterFiles
{
    /// <summary>Modification time of all inputs, in nanoseconds since 1970: the API has none. 2000-01-01, since some formats begin in 1980.</summary>
    public const long ModifiedNs = 946_684_800_000_000_000;

    private const int MaximumNodes = 1_000_000;
    private const int WritableMode = 0x1A4; // 0o644
    private const int ExecutableMode = 0x1ED; // 0o755, of directories too

    private readonly Dictionary<VirtualPath, InputFact> _facts = [];
    private readonly ConcurrentBag<Digest> _lost = [];

    /// <summary>The directory in which every action finds its input root.</summary>
    public static VirtualPath Place { get; } = VirtualPath.Parse("/build");

    /// <summary>What is known, by path.</summary>
    public IReadOnlyDictionary<VirtualPath, InputFact> Facts => _facts;

    /// <summary>Blobs that were there at first and are not any more.</summary>
    public IReadOnlyCollection<Digest> Lost => _lost;

    /// <summary>Adds what is no input of the action's own.</summary>
    public void Add(IEnumerable<InputFact> facts)
    {
        foreach (InputFact fact in facts)
        {
            _facts[fact.Path] = fact;
        }
    }

    /// <summary>Adds the tree of a directory, all of it.</summary>
    /// <param name="root">The digest of its <see cref="ReapiDirectory"/>.</param>
    /// <param name="lease">Gets every digest of the tree.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The blobs that are not in the store.</returns>
    /// <exception cref="ReapiException">The tree is malformed or too large.</exception>
    /// <exception cref="ReprException">The same, or the store does not answer.</exception>
    public async Task<IReadOnlyCollection<Digest>> AddTreeAsync(Digest root, IContentLease lease, CancellationToken cancellationToken)
    {
        HashSet<Digest> contents = [];
        HashSet<Digest> missing = [];
        Dictionary<Digest, ReapiDirectory> known = [];
        Stack<(VirtualPath Path, Digest Digest)> open = new([(Place, root)]);
        while (open.TryPop(out (VirtualPath Path, Digest Digest) next))
        {
            lease.Add(next.Digest);
            if (!known.TryGetValue(next.Digest, out ReapiDirectory? directory))
            {
                directory = await store.ReadMessageAsync(next.Digest, ReapiDirectory.Parser, cancellationToken);
                if (directory is null)
                {
                    missing.Add(next.Digest);
                    continue;
                }

                known.Add(next.Digest, directory);
            }

            AddDirectory(next.Path, directory, contents, open);
            if (_facts.Count + open.Count > MaximumNodes)
            {
                throw ReapiException.Invalid($"The input root {root} has more than {MaximumNodes} files and directories.");
            }
        }

        foreach (Digest content in contents)
        {
            lease.Add(content); // before it is looked for: what is found stays
        }

        missing.UnionWith(await store.FindMissingAsync(contents, cancellationToken));
        return missing;
    }

    /// <summary>Makes the directories that lead to an output, as far as they are not there.</summary>
    public void AddDirectoriesTo(VirtualPath output)
    {
        for (VirtualPath path = output.Parent; path.IsWithin(Place); path = path.Parent)
        {
            if (!_facts.TryAdd(path, NewDirectory(path)))
            {
                return;
            }
        }
    }

    /// <inheritdoc/>
    public Task<InputFact> AskEntryAsync(VirtualPath path, CancellationToken cancellationToken) => throw Unknown(path);

    /// <inheritdoc/>
    public Task<IReadOnlyList<InputFact>> AskListingAsync(VirtualPath directory, CancellationToken cancellationToken) => throw Unknown(directory);

    /// <inheritdoc/>
    public async Task<FileFact> AskContentAsync(VirtualPath file, CancellationToken cancellationToken)
    {
        if (!_facts.TryGetValue(file, out InputFact? fact) || fact is not FileFact { Digest: { } digest } found)
        {
            throw Unknown(file);
        }

        await using Stream? near = await store.OpenAsync(digest, cancellationToken);
        if (near is not null)
        {
            return found;
        }

        _lost.Add(digest);
        throw new ReprException(ReprErrorCode.Corrupt, $"The content {digest} of '{file}' is not in the store any more. Upload it again.");
    }

    private static ReprException Unknown(VirtualPath path) =>
        new(ReprErrorCode.Internal, $"'{path}' was asked for, although all of an action's files are known.");

    private static DirectoryFact NewDirectory(VirtualPath path) => new(path, IsComplete: true, ExecutableMode, ModifiedNs);

    private void AddDirectory(
        VirtualPath path, ReapiDirectory directory, HashSet<Digest> contents, Stack<(VirtualPath Path, Digest Digest)> open)
    {
        _facts[path] = NewDirectory(path);
        foreach (FileNode file in directory.Files)
        {
            Digest digest = file.Digest.ToCore();
            contents.Add(digest);
            AddNew(new FileFact(path.Append(file.Name), digest, digest.SizeBytes, file.IsExecutable ? ExecutableMode : WritableMode, ModifiedNs));
        }

        foreach (SymlinkNode link in directory.Symlinks)
        {
            if (link.Target.Length == 0 || link.Target.Contains('\0', StringComparison.Ordinal))
            {
                throw ReapiException.Invalid($"The link '{link.Name}' in '{path}' has no target that a link can have.");
            }

            AddNew(new SymlinkFact(path.Append(link.Name), link.Target));
        }

        foreach (DirectoryNode child in directory.Directories)
        {
            VirtualPath childPath = path.Append(child.Name);
            AddNew(NewDirectory(childPath)); // at once, so that a name that is twice there is seen
            open.Push((childPath, child.Digest.ToCore()));
        }
    }

    private void AddNew(InputFact fact)
    {
        if (!_facts.TryAdd(fact.Path, fact))
        {
            throw ReapiException.Invalid($"The input root has two entries '{fact.Path}'.");
        }
    }
}
