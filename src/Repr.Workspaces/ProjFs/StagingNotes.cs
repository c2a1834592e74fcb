namespace Repr.Workspaces.ProjFs;

/// <summary>
/// What the file system told of writes, renames and deletions, by path relative to the root. Only hints: what is true lies on the
/// disk. Safe for concurrent use.
/// </summary>
internal sealed class StagingNotes
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _written = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _deleted = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _origins = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>A file was created or changed.</summary>
    public void Written(string path)
    {
        lock (_gate)
        {
            _written.Add(path);
        }
    }

    /// <summary>Something was deleted.</summary>
    public void Deleted(string path)
    {
        lock (_gate)
        {
            _deleted.Add(path);
            _origins.Remove(path);
        }
    }

    /// <summary>Something was renamed; an empty path is outside of the root.</summary>
    public void Renamed(string path, string destination)
    {
        lock (_gate)
        {
            _deleted.Add(path);
            _written.Add(destination);
            _origins.Remove(path, out string? origin);
            _origins[destination] = origin ?? path;
        }
    }

    /// <summary>Whether a path was told of as written.</summary>
    public bool IsWritten(string path)
    {
        lock (_gate)
        {
            return _written.Contains(path);
        }
    }

    /// <summary>All paths at which something was deleted or renamed away.</summary>
    public string[] AllDeleted()
    {
        lock (_gate)
        {
            return [.. _deleted];
        }
    }

    /// <summary>Where the file at a path was first.</summary>
    public string OriginOf(string path)
    {
        lock (_gate)
        {
            return _origins.GetValueOrDefault(path, path);
        }
    }
}
