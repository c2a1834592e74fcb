namespace Repr.Testing.SharedStores;

/// <summary>Blobs that lie in files named by their hash, somewhere below a directory.</summary>
public static class BlobFiles
{
    /// <summary>The blobs.</summary>
    public static IReadOnlySet<Digest> Find(string directory) => Enumerate(directory).Select(static found => found.Digest).ToHashSet();

    /// <summary>Deletes files.</summary>
    public static void Lose(string directory, IEnumerable<Digest> blobs)
    {
        HashSet<Digest> lost = [.. blobs];
        foreach ((string path, _) in Enumerate(directory).Where(found => lost.Contains(found.Digest)).ToList())
        {
            File.Delete(path);
        }
    }

    /// <summary>Changes the first byte of files.</summary>
    public static void Damage(string directory, IEnumerable<Digest> blobs)
    {
        HashSet<Digest> damaged = [.. blobs];
        foreach ((string path, _) in Enumerate(directory).Where(found => damaged.Contains(found.Digest)).ToList())
        {
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            int first = file.ReadByte();
            file.Position = 0;
            file.WriteByte((byte)(first ^ 1));
        }
    }

    private static IEnumerable<(string Path, Digest Digest)> Enumerate(string directory)
    {
        foreach (string path in Directory.Exists(directory) ? Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories) : [])
        {
            if (Digest.TryParse(Path.GetFileName(path), new FileInfo(path).Length, out Digest digest))
            {
                yield return (path, digest);
            }
        }
    }
}
