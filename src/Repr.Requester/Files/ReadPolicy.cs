using System.Collections.Frozen;
using System.IO.Enumeration;

namespace Repr.Requester.Files;

/// <summary>How much of a path a worker may learn.</summary>
internal enum ReadVerdict
{
    /// <summary>Nothing at all, not even whether it is there.</summary>
    Denied,

    /// <summary>That it is absent, or a directory on the way to something else. No file, no size, no listing.</summary>
    WayOnly,

    /// <summary>What it is and its attributes. No content, no listing.</summary>
    EntryOnly,

    /// <summary>Everything.</summary>
    Served,
}

/// <summary>
/// What a worker may ask for: default deny; allowed are the roots that the build names, its declared inputs and the system's
/// own files; the deny list of keys and credentials beats a root. Paths are physical (no component is a link), so that whoever
/// opens the path without following links opens what was judged. Immutable after the inputs were added; safe for concurrent reading.
/// </summary>
internal sealed class ReadPolicy
{
    private static readonly VirtualPath[] SystemRoots = OperatingSystem.IsWindows()
        ? FoldersOf(Environment.SpecialFolder.ProgramFiles, Environment.SpecialFolder.ProgramFilesX86)
        :
    [
        .. new[] { "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin" }.Select(VirtualPath.Parse),
        .. new[]
        {
            "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "localtime", "timezone", "nsswitch.conf", "passwd", "group",
            "os-release", "debian_version", "lsb-release", "locale.alias", "locale.conf", "locale.gen", "ssl/openssl.cnf", "ssl/certs",
            "alternatives", "gai.conf", "host.conf", "terminfo", "mime.types", "protocols", "services",
            "perl",
        }.Select(name => VirtualPath.Parse("/etc/" + name)),
    ];

    // What Debian's Python reads at each start: /etc/python3, /etc/python3.11, ...
    private const string PythonPrefix = "/etc/python3";

    // Only the names in it, not what is below: clang looks there for other compilers before each compile.
    private static readonly VirtualPath ListedPlace = VirtualPath.Parse("/opt");

    // The Windows directory is each machine's own: a worker looks into its own one.
    private static readonly VirtualPath[] DeniedPlaces = OperatingSystem.IsWindows()
        ? FoldersOf(Environment.SpecialFolder.Windows)
        : [.. new[] { "/proc", "/sys", "/dev", "/run", "/var/run", "/etc/ssl/private" }.Select(VirtualPath.Parse)];

    private static readonly string[] DeniedPrefixes = ["/etc/shadow", "/etc/gshadow"];

    private static readonly string[] DeniedNames =
    [
        ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".git", ".netrc", ".git-credentials", ".npmrc", ".pypirc", ".pgpass",
        "*.pfx", "*.p12", "*.pem", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".env", ".env.*", "secrets.json",
        "nuget.config", "*.jks", "*.keystore",
    ];

    private static readonly FrozenSet<string> PlainDenied =
        DeniedNames.Where(name => !name.Contains('*', StringComparison.Ordinal)).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly string[] DeniedGlobs = [.. DeniedNames.Where(name => name.Contains('*', StringComparison.Ordinal))];

    private readonly VirtualPath[] _roots;
    private readonly HashSet<VirtualPath> _secrets;
    private readonly HashSet<VirtualPath> _inputs = [];

    /// <summary>Makes a policy.</summary>
    /// <param name="readRoots">Physical paths of the directories and files that the build allows.</param>
    /// <param name="secrets">Physical paths of files whose content only this machine may have, such as tokens for workers.</param>
    public ReadPolicy(IEnumerable<VirtualPath> readRoots, IEnumerable<VirtualPath> secrets)
    {
        _roots = [.. readRoots];
        _secrets = [.. secrets];
    }

    /// <summary>Physical paths of the directories and files that the build allows.</summary>
    public IReadOnlyList<VirtualPath> Roots => _roots;

    /// <summary>Adds a file that the build names itself: it passes the deny list (a key file of the compiler).</summary>
    public void AddInput(VirtualPath path) => _inputs.Add(path);

    /// <summary>What a worker may learn about a physical path.</summary>
    public ReadVerdict Judge(VirtualPath path)
    {
        if (_inputs.Contains(path))
        {
            return ReadVerdict.Served;
        }

        if (_secrets.Contains(path))
        {
            return IsWithinAny(_roots, path) ? ReadVerdict.EntryOnly : ReadVerdict.Denied;
        }

        if (IsWithinAny(DeniedPlaces, path) || StartsWithAny(DeniedPrefixes, path))
        {
            return ReadVerdict.Denied;
        }

        if (path == ListedPlace || IsWithinAny(SystemRoots, path) || path.Text.StartsWith(PythonPrefix, StringComparison.Ordinal))
        {
            return ReadVerdict.Served;
        }

        for (VirtualPath parent = path.Parent; !parent.IsRoot; parent = parent.Parent)
        {
            if (IsDeniedName(parent.Name))
            {
                return ReadVerdict.Denied;
            }
        }

        if (!IsWithinAny(_roots, path))
        {
            return ReadVerdict.WayOnly;
        }

        return IsDeniedName(path.Name) ? ReadVerdict.EntryOnly : ReadVerdict.Served;
    }

    // Loops: they are asked about each of some hundred paths of an action, and a query takes longer than its answer.
    private static bool IsWithinAny(VirtualPath[] places, VirtualPath path)
    {
        foreach (VirtualPath place in places)
        {
            if (path.IsWithin(place))
            {
                return true;
            }
        }

        return false;
    }

    private static bool StartsWithAny(string[] prefixes, VirtualPath path)
    {
        foreach (string prefix in prefixes)
        {
            if (path.Text.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static VirtualPath[] FoldersOf(params Environment.SpecialFolder[] folders) =>
        [.. folders.Select(Environment.GetFolderPath).Where(static path => Disk.TryParseNative(path, out _)).Select(Disk.ParseNative).Distinct()];

    private static bool IsDeniedName(string name)
    {
        if (PlainDenied.Contains(name))
        {
            return true;
        }

        foreach (string glob in DeniedGlobs)
        {
            if (FileSystemName.MatchesSimpleExpression(glob, name, ignoreCase: true))
            {
                return true;
            }
        }

        return false;
    }
}
