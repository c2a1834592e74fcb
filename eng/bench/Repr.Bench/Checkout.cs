namespace Repr.Bench;

/// <summary>A directory of sources, and what was in it before anything was built. Not safe for concurrent use.</summary>
/// <param name="directory">Where it is.</param>
internal sealed class Checkout(string directory)
{
    private HashSet<string> _before = new(StringComparer.Ordinal);

    /// <summary>Where it is.</summary>
    public string Directory => directory;

    /// <summary>What is there now was there before.</summary>
    public void Remember() => _before = Files().ToHashSet(StringComparer.Ordinal);

    /// <summary>Removes the files that were not there before.</summary>
    public void Clean()
    {
        foreach (string file in Files().Where(file => !_before.Contains(file)))
        {
            File.Delete(file);
        }
    }

    /// <summary>Reads the files that were not there before.</summary>
    /// <param name="isCompared">Says which.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public Task<Outputs> ReadAsync(Func<string, bool> isCompared, CancellationToken cancellationToken) =>
        Outputs.ReadAsync(directory, Files().Where(file => !_before.Contains(file) && isCompared(file)), cancellationToken);

    private List<string> Files() => [.. new DirectoryInfo(directory)
        .EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None })
        .Where(item => item is FileInfo && item.LinkTarget is null)
        .Select(item => item.FullName)];
}
