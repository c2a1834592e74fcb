namespace Repr.Server.Reapi;

/// <summary>
/// The worker's own files that an action of the Remote Execution API sees, read-only, at their places: such an action brings its inputs
/// but not its toolchain. Found once, at start.
/// </summary>
internal sealed class SystemPaths
{
    private const int DirectoryMode = 0x1ED; // 0o755
    private const int FileMode = 0x1A4; // 0o644

    // Where a sandbox has its own, or what an action brings.
    private static readonly IReadOnlyList<VirtualPath> s_reserved = [.. new[] { "/proc", "/dev", "/sys" }.Select(VirtualPath.Parse), InputRoot.Place];
    private static readonly VirtualPath s_temporary = VirtualPath.Parse("/tmp");

    private readonly Dictionary<VirtualPath, InputFact> _facts = [];
    private readonly List<VirtualPath> _mounts = [];

    private SystemPaths()
    {
    }

    /// <summary>
    /// What is shown when nobody says otherwise: programs, libraries and headers, and of /etc only what they cannot do without. Those
    /// that exist here.
    /// </summary>
    public static IReadOnlyList<string> Default { get; } =
    [
        .. new[] { "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr", "/etc/alternatives", "/etc/ld.so.cache" }.Where(Path.Exists),
        .. new DirectoryInfo("/etc") is { Exists: true } etc ? etc.GetDirectories("java-*").Select(java => java.FullName) : [],
    ];

    /// <summary>What is there for an action: links as they are, and something to cover for each of <see cref="Mounts"/>.</summary>
    public IReadOnlyCollection<InputFact> Facts => _facts.Values;

    /// <summary>What covers it; none lies within another.</summary>
    public IReadOnlyList<VirtualPath> Mounts => _mounts;

    /// <summary>Looks what the paths are.</summary>
    /// <exception cref="ArgumentException">One of them cannot be shown; the message is for the administrator.</exception>
    public static SystemPaths Find(IReadOnlyList<string> paths)
    {
        SystemPaths found = new();
        foreach (string text in paths.Order(StringComparer.Ordinal)) // what holds others comes before them
        {
            if (!VirtualPath.TryParse(text, out VirtualPath path, out string? problem))
            {
                throw new ArgumentException($"--reapi-system-path: '{text}' {problem}.");
            }

            if (path.IsRoot || path == s_temporary || s_reserved.Any(reserved => path.IsWithin(reserved) || reserved.IsWithin(path)))
            {
                throw new ArgumentException($"--reapi-system-path: '{text}' cannot be shown; a sandbox has a directory of its own there.");
            }

            if (!found._mounts.Any(path.IsWithin))
            {
                found.Add(path);
            }
        }

        return found;
    }

    private void Add(VirtualPath path)
    {
        FileInfo info = new(path.Text);
        if (info.LinkTarget is { } target)
        {
            _facts[path] = new SymlinkFact(path, target);
        }
        else if (Directory.Exists(path.Text))
        {
            _facts[path] = new DirectoryFact(path, IsComplete: true, DirectoryMode, InputRoot.ModifiedNs);
            _mounts.Add(path);
        }
        else if (info.Exists)
        {
            _facts[path] = new FileFact(path, Digest.Empty, 0, FileMode, InputRoot.ModifiedNs);
            _mounts.Add(path);
        }
        else
        {
            throw new ArgumentException($"--reapi-system-path: '{path}' does not exist on this worker.");
        }

        for (VirtualPath parent = path.Parent; !parent.IsRoot; parent = parent.Parent)
        {
            _facts.TryAdd(parent, new DirectoryFact(parent, IsComplete: true, DirectoryMode, InputRoot.ModifiedNs));
        }
    }
}
