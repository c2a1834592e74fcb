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

    /// <summary>Reads what lies in the output directories below a directory.</summary>
    public static async Task<Outputs> ReadAsync(string directory, CancellationToken cancellationToken)
    {
        Outputs outputs = new();
        foreach (string file in DirectoriesOf(directory)
            .SelectMany(output => Directory.EnumerateFiles(output, "*", SearchOption.AllDirectories))
            .Where(file => Compared.Contains(Path.GetExtension(file))))
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

    /// <summary>One sentence for each file that is missing, too many or has other bytes than expected.</summary>
    public IEnumerable<string> DifferencesFrom(Outputs expected)
    {
        foreach (string path in expected._files.Keys.Union(_files.Keys).Order(StringComparer.Ordinal))
        {
            string? theirs = expected._files.GetValueOrDefault(path);
            string? ours = _files.GetValueOrDefault(path);
            if (theirs != ours)
            {
                yield return path + (ours is null ? " is missing" : theirs is null ? " is too many" : " has other bytes");
            }
        }
    }

    private static List<string> DirectoriesOf(string directory) =>
        [.. Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) == "bin"
                || (Path.GetFileName(path) == "Debug" && Path.GetFileName(Path.GetDirectoryName(path)) == "obj"))];
}
