namespace Repr.Workspaces.ProjFs;

// Listings, and what is said of an entry.
internal sealed partial class ProjectedSource
{
    private const long FileTimeOf1970 = 116_444_736_000_000_000;
    private const int OwnerWrite = 0x80;
    private const int MostLinks = 40; // as Linux; Windows follows 63

    private static long FileTimeOf(FileEntry file) => Math.Max(0, FileTimeOf1970 + (file.ModifiedNs / 100));

    private static uint AttributesOf(FileEntry file, bool isDirectory)
    {
        FileAttributes attributes = isDirectory ? FileAttributes.Directory : FileAttributes.Archive;
        if (file.Kind == FileKind.Symlink)
        {
            attributes |= FileAttributes.ReparsePoint;
        }
        else if (file.Kind == FileKind.File && (file.Mode & OwnerWrite) == 0)
        {
            attributes |= FileAttributes.ReadOnly;
        }

        return (uint)attributes;
    }

    // "/C:/x" is C:\x to the tool, which finds it redirected.
    private static string? WindowsTarget(string? target)
    {
        if (target is null)
        {
            return null;
        }

        bool hasDrive = target.Length > 2 && target[0] == '/' && char.IsAsciiLetter(target[1]) && target[2] == ':';
        return (hasDrive ? target[1..] : target).Replace('/', '\\');
    }

    private ValueTask<bool> LeadsToDirectoryAsync(VirtualPath from, string target, CancellationToken cancellationToken)
    {
        int links = 0;
        return FollowAsync(from, target);

        async ValueTask<bool> FollowAsync(VirtualPath directory, string text) => await WalkAsync(directory, text) is { Kind: FileKind.Directory };

        // What a link's text leads to; null when it leads nowhere.
        async ValueTask<FileEntry?> WalkAsync(VirtualPath directory, string text)
        {
            if (++links > MostLinks)
            {
                return null;
            }

            string[] names = (WindowsTarget(text) ?? "").Split('\\', StringSplitOptions.RemoveEmptyEntries);
            bool isAbsolute = text.StartsWith('/') || text.StartsWith('\\') || (names.Length > 0 && names[0].EndsWith(':'));
            VirtualPath at = isAbsolute ? VirtualPath.Root : directory;
            FileEntry? entry = _root.File;
            for (int i = 0; i < names.Length; i++)
            {
                if (names[i] is "." or "..")
                {
                    at = names[i] == "." ? at : at.Parent;
                    entry = _root.File; // a directory: it was walked through
                    continue;
                }

                if (!VirtualPath.TryParse(at.IsRoot ? "/" + names[i] : $"{at.Text}/{names[i]}", out VirtualPath next, out _))
                {
                    return null;
                }

                entry = await AskAsync(next, cancellationToken);
                if (entry is { Kind: FileKind.Symlink, LinkTarget: { } link })
                {
                    return await WalkAsync(at, string.Join('/', [link, .. names[(i + 1)..]]));
                }

                if (entry is null)
                {
                    return null;
                }

                at = next;
            }

            return entry;
        }
    }

    /// <summary>A directory's nodes.</summary>
    private sealed class Listing
    {
        private readonly Dictionary<string, ProjectedNode> _bySpelling = new(StringComparer.Ordinal);
        private readonly List<ProjectedNode> _nodes = [];

        /// <summary>In the file system's order, one of each name.</summary>
        public IReadOnlyList<ProjectedNode> Nodes => _nodes;

        public static Listing Make(List<ProjectedNode> nodes, IProjFs fileSystem, Action<ProjectedNode> onHidden)
        {
            Listing listing = new();
            IEnumerable<ProjectedNode> ordered = nodes
                .OrderBy(node => node.Name, Comparer<string>.Create(fileSystem.CompareNames))
                .ThenBy(node => node.Name, StringComparer.Ordinal);
            foreach (ProjectedNode node in ordered)
            {
                listing._bySpelling[node.Path.Name] = node;
                if (listing._nodes.Count > 0 && fileSystem.CompareNames(listing._nodes[^1].Name, node.Name) == 0)
                {
                    onHidden(node);
                }
                else
                {
                    listing._nodes.Add(node);
                }
            }

            return listing;
        }

        /// <summary>The node of the requester's name, in this spelling or else in any.</summary>
        public ProjectedNode? Find(string name, IProjFs fileSystem)
        {
            if (_bySpelling.TryGetValue(name, out ProjectedNode? exact))
            {
                return exact;
            }

            int low = 0;
            int high = _nodes.Count - 1;
            while (low <= high)
            {
                int middle = (low + high) / 2;
                int order = fileSystem.CompareNames(_nodes[middle].Path.Name, name);
                if (order == 0)
                {
                    return _nodes[middle];
                }

                (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
            }

            return null;
        }
    }
}
