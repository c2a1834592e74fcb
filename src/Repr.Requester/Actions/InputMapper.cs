using Repr.Requester.Content;
using Repr.Requester.Files;

namespace Repr.Requester.Actions;

/// <summary>
/// Turns the paths of an action into facts: each link at its own place, each directory on the way, each file with its digest,
/// and what is not there. Outputs start absent and virtual files present, whatever the disk says. Safe for concurrent use.
/// </summary>
internal sealed class InputMapper(DigestCache digests, TimeProvider time)
{
    private static readonly VirtualPath s_tmp = VirtualPath.Parse("/tmp");

    /// <summary>Maps an action.</summary>
    /// <param name="request">The action. Its output directories are made if they do not exist.</param>
    /// <param name="predicted">What earlier runs observed; what the read policy does not allow is dropped.</param>
    /// <param name="cancellationToken">Stops the mapping.</param>
    public async Task<InputMapping> MapAsync(
        ActionRequest request, IReadOnlyList<ObservedInput> predicted, CancellationToken cancellationToken)
    {
        foreach (VirtualPath directory in request.OutputDirectories)
        {
            CreateDirectory(directory);
        }

        Mapping mapping = new(digests, cancellationToken);
        ReadPolicy policy = new([.. request.ReadRoots.Concat(request.WriteRoots).Select(root => mapping.Walker.Resolve(root).Path)]);

        long nowNs = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        VirtualPath[] outputDirectories = [.. request.OutputDirectories.Select(path => mapping.Walker.Resolve(path).Path)];
        VirtualPath[] outputFiles = [.. request.OutputFiles.Select(path => Place(mapping.Walker, path))];
        VirtualPath[] writeRoots = [.. request.WriteRoots.Select(path => mapping.Walker.Resolve(path).Path)];
        foreach (VirtualPath directory in outputDirectories)
        {
            mapping.Impose(new DirectoryFact(directory, true, mapping.Walker.Look(directory)?.Mode ?? 0x1ED, nowNs));
        }

        foreach (VirtualFile file in request.VirtualFiles)
        {
            VirtualPath place = PlaceOfVirtual(mapping.Walker, file.Path);
            policy.AddInput(place);
            mapping.ImposeDirectories(place.Parent, nowNs);
            mapping.Impose(file with { Path = place }, nowNs);
        }

        foreach (VirtualPath file in outputFiles)
        {
            mapping.Impose(new AbsentFact(file));
        }

        mapping.Walker.Resolve(request.Command.WorkingDirectory);
        foreach (VirtualPath input in request.Inputs.Append(request.Command.Program))
        {
            ResolvedPath found = mapping.Walker.Resolve(input);
            policy.AddInput(found.Path);
            mapping.AddFile(found);
        }

        foreach (ObservedInput input in predicted)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!outputDirectories.Any(input.Path.IsWithin))
            {
                Predict(mapping, policy, input);
            }
        }

        await mapping.FinishAsync();
        return new InputMapping(mapping.Facts, mapping.Sources, mapping.Imposed, policy)
        {
            MadeNs = nowNs,
            OutputFiles = outputFiles,
            OutputDirectories = outputDirectories,
            WriteRoots = writeRoots,
        };
    }

    // A worker's /tmp is a directory of its own, whatever it is here.
    private static VirtualPath PlaceOfVirtual(PathWalker walker, VirtualPath path) => path.IsWithin(s_tmp) ? path : Place(walker, path);

    // The place of a file that need not exist: a link at its own name is not followed, it will be replaced.
    private static VirtualPath Place(PathWalker walker, VirtualPath path) => walker.Resolve(path.Parent).Path.Append(path.Name);

    private static void CreateDirectory(VirtualPath directory)
    {
        try
        {
            Directory.CreateDirectory(directory.Text);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ActionFailureException(
                MessageCodes.OutputNotWritten, ReprErrorCode.InvalidRequest, $"The output directory '{directory}' could not be made: {exception.Message}", exception);
        }
    }

    private static void Predict(Mapping mapping, ReadPolicy policy, ObservedInput input)
    {
        ReadVerdict verdict = policy.Judge(input.Path);
        if (verdict == ReadVerdict.Denied)
        {
            return;
        }

        ResolvedPath? found;
        try
        {
            found = mapping.Walker.Find(input.Path);
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
            mapping.Add(new AbsentFact(entry.Path));
        }
        else if (verdict == ReadVerdict.WayOnly || stat.IsDirectory)
        {
            if (stat.IsDirectory && verdict == ReadVerdict.Served && input.Kind == ObservedKind.Listed)
            {
                mapping.AddListing(entry.Path, stat);
            }
        }
        else if (stat.IsSymlink)
        {
            mapping.Add(new SymlinkFact(entry.Path, PathWalker.ReadLink(entry.Path)));
        }
        else if (stat.IsFile && input.Kind == ObservedKind.Read && verdict == ReadVerdict.Served)
        {
            mapping.AddFile(entry);
        }
        else if (stat.IsFile)
        {
            mapping.Add(new FileFact(entry.Path, null, stat.SizeBytes, stat.Mode, stat.ModifiedNs));
        }
    }

    private sealed class Mapping
    {
        private readonly DigestCache _digests;
        private readonly CancellationToken _cancellationToken;
        private readonly Dictionary<VirtualPath, Task<HashedFile>> _files = [];

        public Mapping(DigestCache digests, CancellationToken cancellationToken)
        {
            _digests = digests;
            _cancellationToken = cancellationToken;
            Walker = new PathWalker(Add);
        }

        public PathWalker Walker { get; }

        public Dictionary<VirtualPath, InputFact> Facts { get; } = [];

        public Dictionary<Digest, ContentSource> Sources { get; } = [];

        public HashSet<VirtualPath> Imposed { get; } = [];

        public void Impose(InputFact fact)
        {
            Imposed.Add(fact.Path);
            Facts[fact.Path] = fact;
        }

        public void Impose(VirtualFile file, long nowNs)
        {
            ContentSource source = ContentSource.OfBytes(file.Content);
            Sources[source.Digest] = source;
            Impose(new FileFact(file.Path, source.Digest, file.Content.Length, 0x1A4, nowNs)); // 0o644
        }

        public void ImposeDirectories(VirtualPath directory, long nowNs)
        {
            for (VirtualPath path = directory; Walker.Look(path) is null && !Imposed.Contains(path); path = path.Parent)
            {
                Impose(new DirectoryFact(path, true, 0x1ED, nowNs)); // 0o755
            }
        }

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

        public void AddFile(ResolvedPath file)
        {
            if (file.Stat is { IsFile: true } stat && !Imposed.Contains(file.Path) && !_files.ContainsKey(file.Path))
            {
                _files.Add(file.Path, _digests.GetAsync(file.Path.Text, stat, _cancellationToken).AsTask());
            }
        }

        public void AddListing(VirtualPath directory, FileStat stat)
        {
            try
            {
                foreach (string entry in Directory.GetFileSystemEntries(directory.Text))
                {
                    AddEntry(VirtualPath.Parse(entry));
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ReprException)
            {
                return; // A listing that cannot be had completely is not predicted.
            }

            Add(new DirectoryFact(directory, true, stat.Mode, stat.ModifiedNs));
        }

        public async Task FinishAsync()
        {
            foreach ((VirtualPath path, Task<HashedFile> hashing) in _files)
            {
                try
                {
                    HashedFile file = await hashing;
                    Facts[path] = new FileFact(path, file.Digest, file.Stat.SizeBytes, file.Stat.Mode, file.Stat.ModifiedNs);
                    Sources.TryAdd(file.Digest, ContentSource.OfFile(path.Text, file));
                }
                catch (ReprException)
                {
                    // It is asked for, and answered with the reason, if the tool really wants it.
                }
            }
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
}
