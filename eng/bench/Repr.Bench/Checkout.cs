namespace Repr.Bench;

/// <summary>A directory of sources, and what was in it before anything was built. Not safe for concurrent use.</summary>
/// <param name="directory">Where it is.</param>
internal sealed class Checkout(string directory)
{
    private readonly string _gone = directory + ".gone";
    private HashSet<string> _before = new(StringComparer.Ordinal);

    /// <summary>Where it is.</summary>
    public string Directory => directory;

    /// <summary>What is there now was there before.</summary>
    public void Remember() => _before = Files().ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// Puts the files out of the way that were not there before. Not deleted yet: ext4 gives the inode of a deleted file to nobody for a minute and more, and looks
    /// past all of them for each new file, so the builds of a run would become slower one after the other.
    /// </summary>
    public void Clean()
    {
        System.IO.Directory.CreateDirectory(_gone);
        foreach (string file in Files().Where(file => !_before.Contains(file)))
        {
            File.Move(file, Path.Combine(_gone, Guid.NewGuid().ToString("N")));
        }
    }

    /// <summary>Deletes what was put out of the way, when nothing more is measured.</summary>
    public void Discard()
    {
        if (System.IO.Directory.Exists(_gone))
        {
            System.IO.Directory.Delete(_gone, recursive: true);
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
