using System.IO.Enumeration;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cas;

/// <summary>
/// The directory of a disk store: "ab/&lt;64 hexadecimal digits&gt;" per blob, beside it with "~" and a number what is being written,
/// "lock" held while it is in use, "empty" for the blob of no bytes, and "clean" after an orderly end. Knows names and files, no
/// policy. Safe for concurrent use.
/// </summary>
/// <remarks>
/// Nothing is renamed from one directory to another: that waits, unkillably, for the rename lock of the whole file system (rename_lock
/// in the kernel's Documentation/filesystems/directory-locking.rst). A tool on an overlayfs of the same file system may hold it while it waits for this
/// process, and if this process is killed just then neither would ever end.
/// </remarks>
internal sealed partial class StoreDirectory : IDisposable
{
    private const char Unfinished = '~';
    private const string BootIdPath = "/proc/sys/kernel/random/boot_id";

    // errno(3) of a lock that another process holds, and Windows' word for it.
    private const int WouldBlock = 11;
    private const int WouldBlockMac = 35;
    private const int SharingViolation = unchecked((int)0x80070020);

    private readonly string _root;
    private readonly string _cleanMarker;
    private readonly string _bootId;
    private readonly string _empty;
    private readonly FileStream _lock;
    private readonly ILogger _logger;
    private long _lastTemporary;

    private StoreDirectory(string root, FileStream @lock, ILogger logger)
    {
        _root = root;
        _lock = @lock;
        _logger = logger;
        _empty = Path.Combine(root, "empty");
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

    /// <summary>Takes a directory into use, making what is missing.</summary>
    /// <exception cref="ReprException">It is in use already, or can't be used.</exception>
    public static StoreDirectory Open(string path, ILogger logger)
    {
        string root = Path.GetFullPath(path);
        FileStream? held = null;
        try
        {
            CreatePrivate(root);
            held = TakeLock(root);
            StoreDirectory directory = new(root, held, logger);
            File.Delete(directory._cleanMarker);
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

    /// <summary>
    /// Opens the file of the blob of no bytes: no client sends it, yet a workspace needs a file to show. It is no blob like others, so
    /// that it is never evicted.
    /// </summary>
    public SafeFileHandle OpenEmpty()
    {
        try
        {
            SafeFileHandle file = File.OpenHandle(_empty, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            if (RandomAccess.GetLength(file) == 0)
            {
                return file;
            }

            file.Dispose();
        }
        catch (FileNotFoundException)
        {
            // Made below.
        }

        string temporary = NewTemporaryPath(_empty);
        File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write).Dispose();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(temporary, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        SafeFileHandle empty = File.OpenHandle(temporary, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        File.Move(temporary, _empty, overwrite: true);
        return empty;
    }

    /// <summary>A name for a new file in the directory of its later one.</summary>
    public string NewTemporaryPath(string path) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture, $"{path}{Unfinished}{Interlocked.Increment(ref _lastTemporary)}");

    /// <summary>
    /// All blobs, in no order, with the length of their file and the time of their last known use. Deletes what was left half-written:
    /// nothing may be written meanwhile.
    /// </summary>
    public IEnumerable<(Digest Digest, DateTime LastUse)> Scan()
    {
        EnumerationOptions options = new() { RecurseSubdirectories = true, AttributesToSkip = 0, MaxRecursionDepth = 1 };
        FileSystemEnumerable<(Digest Digest, DateTime LastUse)> files = new(_root, Read, options)
        {
            ShouldIncludePredicate = IsBlob,
        };
        return files;

        bool IsBlob(ref FileSystemEntry entry)
        {
            if (!entry.IsDirectory && entry.FileName.Contains(Unfinished))
            {
                Delete(entry.ToFullPath());
                return false;
            }

            return !entry.IsDirectory
                && entry.FileName.Length == 2 * Digest.HashLength
                && Path.GetFileName(entry.Directory).SequenceEqual(entry.FileName[..2])
                && Digest.TryParse(entry.FileName, 0, out _);
        }

        static (Digest Digest, DateTime LastUse) Read(ref FileSystemEntry entry) =>
            Digest.TryParse(entry.FileName, entry.Length, out Digest digest)
                ? (digest, entry.LastWriteTimeUtc.UtcDateTime)
                : throw new IOException($"{entry.ToFullPath()} is not the name of a blob.");
    }

    /// <summary>
    /// Notes a use of a blob on the disk. A failure is logged: its place in the order after the next start suffers, no more.
    /// </summary>
    public void SetLastUse(Digest digest, DateTime time)
    {
        try
        {
            File.SetLastWriteTimeUtc(PathOf(digest), time);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.NotRenewed(_logger, digest, exception);
        }
    }

    /// <summary>Deletes a file. A failure is logged: the space is lost, nothing else.</summary>
    public void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.NotDeleted(_logger, path, exception);
        }
    }

    /// <summary>Says that everything was ended in order. Nothing may be written afterwards. A failure is logged.</summary>
    public void MarkClean()
    {
        try
        {
            File.WriteAllText(_cleanMarker, _bootId);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Costs some hashing at the next start, no more.
            Log.NotMarkedClean(_logger, exception);
        }
    }

    /// <summary>Lets others use the directory.</summary>
    public void Dispose() => _lock.Dispose();

    private static FileStream TakeLock(string root)
    {
        string path = Path.Combine(root, "lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (exception.HResult is WouldBlock or WouldBlockMac or SharingViolation)
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

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Could not delete {Path}; its space is lost until it is deleted.")]
        public static partial void NotDeleted(ILogger logger, string path, Exception exception);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Could not renew the last use of blob {Digest}.")]
        public static partial void NotRenewed(ILogger logger, Digest digest, Exception exception);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Could not mark the content store as closed in order.")]
        public static partial void NotMarkedClean(ILogger logger, Exception exception);
    }
}
