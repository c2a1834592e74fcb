using System.IO.Enumeration;

namespace Repr.Cas;

/// <summary>
/// The directory of a disk store: "ab/&lt;64 hexadecimal digits&gt;" per blob, "tmp/" for what is being written, "lock" held while it
/// is in use, and "clean" after an orderly end. Knows names and files, no policy. Safe for concurrent use.
/// </summary>
internal sealed class StoreDirectory : IDisposable
{
    private const string BootIdPath = "/proc/sys/kernel/random/boot_id";
    private readonly string _root;
    private readonly string _temporary;
    private readonly string _cleanMarker;
    private readonly string _bootId;
    private readonly FileStream _lock;
    private long _lastTemporary;

    private StoreDirectory(string root, FileStream @lock)
    {
        _root = root;
        _lock = @lock;
        _temporary = Path.Combine(root, "tmp");
        _cleanMarker = Path.Combine(root, "clean");
        _bootId = File.Exists(BootIdPath) ? File.ReadAllText(BootIdPath).Trim() : "";
        WasClosedCleanly = File.Exists(_cleanMarker)
            && string.Equals(File.ReadAllText(_cleanMarker), _bootId, StringComparison.Ordinal);
    }

    /// <summary>
    /// Whether the last user ended in order since the machine was started. After another start of the machine it is false as well:
    /// nobody knows whether the last writes before it reached the device.
    /// </summary>
    public bool WasClosedCleanly { get; }

    /// <summary>Takes a directory into use, making what is missing and deleting half-written files.</summary>
    /// <exception cref="ReprException">It is in use already, or can't be used.</exception>
    public static StoreDirectory Open(string path)
    {
        string root = Path.GetFullPath(path);
        FileStream? held = null;
        try
        {
            CreatePrivate(root);
            held = TakeLock(root);
            StoreDirectory directory = new(root, held);
            File.Delete(directory._cleanMarker);
            if (Directory.Exists(directory._temporary))
            {
                Directory.Delete(directory._temporary, recursive: true);
            }

            CreatePrivate(directory._temporary);
            for (int prefix = 0; prefix < 256; prefix++)
            {
                CreatePrivate(Path.Combine(root, prefix.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
            }

            held = null;
            return directory;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ReprException(
                ReprErrorCode.Unavailable,
                $"The content store directory {root} can't be used: {exception.Message} Give the worker a directory it can write.",
                exception);
        }
        finally
        {
            held?.Dispose();
        }
    }

    /// <summary>Where a blob lies, or would lie.</summary>
    public string PathOf(Digest digest)
    {
        string name = digest.HashText;
        return Path.Join(_root, name.AsSpan(0, 2), name);
    }

    /// <summary>A name for a new file in the same file system.</summary>
    public string NewTemporaryPath() =>
        Path.Join(_temporary, Interlocked.Increment(ref _lastTemporary).ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>All blobs, in no order, with the length of their file and the time of their last known use.</summary>
    public IEnumerable<(Digest Digest, DateTime LastUse)> Scan()
    {
        EnumerationOptions options = new() { RecurseSubdirectories = true, AttributesToSkip = 0, MaxRecursionDepth = 1 };
        FileSystemEnumerable<(Digest Digest, DateTime LastUse)> files = new(_root, Read, options)
        {
            ShouldIncludePredicate = static (ref FileSystemEntry entry) =>
                !entry.IsDirectory
                && entry.FileName.Length == 2 * Digest.HashLength
                && Path.GetFileName(entry.Directory).SequenceEqual(entry.FileName[..2])
                && Digest.TryParse(entry.FileName, 0, out _),
        };
        return files;

        static (Digest Digest, DateTime LastUse) Read(ref FileSystemEntry entry) =>
            Digest.TryParse(entry.FileName, entry.Length, out Digest digest)
                ? (digest, entry.LastWriteTimeUtc.UtcDateTime)
                : throw new IOException($"{entry.ToFullPath()} is not the name of a blob.");
    }

    /// <summary>Says that everything was ended in order. Nothing may be written afterwards.</summary>
    public void MarkClean() => File.WriteAllText(_cleanMarker, _bootId);

    /// <summary>Lets others use the directory.</summary>
    public void Dispose() => _lock.Dispose();

    private static FileStream TakeLock(string root)
    {
        string path = Path.Combine(root, "lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (exception is not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new ReprException(
                ReprErrorCode.Unavailable,
                $"The content store directory {root} is in use by another process. Stop it, or give this worker a directory of its own.",
                exception);
        }
    }

    // Blobs are other people's sources: nobody else on the machine may read them.
    private static void CreatePrivate(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
