using System.Security.Cryptography;

namespace Repr.Bench;

/// <summary>The files that a build left, by path, as digests.</summary>
internal sealed class Outputs
{
    // Not .sarif: it holds the run times of analyzers.
    private static readonly HashSet<string> Compared = new([".dll", ".pdb", ".xml", ".cs", ".resources"], StringComparer.Ordinal);

    private readonly SortedDictionary<string, string> _files = new(StringComparer.Ordinal);

    private Outputs()
    {
    }

    /// <summary>How many there are.</summary>
    public int Count => _files.Count;

    /// <summary>Whether a file of .NET is one that two builds leave alike.</summary>
    public static bool IsCompared(string file) => Compared.Contains(Path.GetExtension(file));

    /// <summary>Reads what lies in the output directories below a directory.</summary>
    public static Task<Outputs> ReadAsync(string directory, CancellationToken cancellationToken) => ReadAsync(
        directory,
        DirectoriesOf(directory).SelectMany(output => Directory.EnumerateFiles(output, "*", SearchOption.AllDirectories)).Where(IsCompared),
        cancellationToken);

    /// <summary>Reads files below a directory.</summary>
    public static async Task<Outputs> ReadAsync(string directory, IEnumerable<string> files, CancellationToken cancellationToken)
    {
        Outputs outputs = new();
        foreach (string file in files)
        {
            await using FileStream content = File.OpenRead(file);
            byte[] digest = await SHA256.HashDataAsync(content, cancellationToken);
            outputs._files[Path.GetRelativePath(directory, file)] = Convert.ToHexStringLower(digest);
        }

        return outputs;
    }

    /// <summary>Removes what builds left below a directory; what a restore left stays.</summary>
    public static void Clean(string directory)
    {
        foreach (string output in DirectoriesOf(directory))
        {
            Directory.Delete(output, recursive: true);
        }
    }

    /// <summary>The paths that are missing, too many or have other bytes in another build.</summary>
    public IReadOnlyList<string> PathsThatDiffer(Outputs other) =>
        [.. _files.Keys.Union(other._files.Keys).Where(path => _files.GetValueOrDefault(path) != other._files.GetValueOrDefault(path))];

    /// <summary>Leaves files out.</summary>
    public void LeaveOut(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            _files.Remove(path);
        }
    }

    /// <summary>One sentence for each file that is missing, too many or has other bytes than expected.</summary>
    public IEnumerable<string> DifferencesFrom(Outputs expected)
    {
        foreach (string path in PathsThatDiffer(expected).Order(StringComparer.Ordinal))
        {
            yield return path + (!_files.ContainsKey(path) ? " is missing" : !expected._files.ContainsKey(path) ? " is too many" : " has other bytes");
        }
    }

    private static List<string> DirectoriesOf(string directory) =>
        [.. Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) == "bin"
                || (Path.GetFileName(path) == "Debug" && Path.GetFileName(Path.GetDirectoryName(path)) == "obj"))];
}
