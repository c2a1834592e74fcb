using System.Buffers;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cas;

/// <summary>
/// A store with one read-only file per blob, bounded in size, the least recently used going first; what is leased stays. A blob
/// appears under its name only after its length and hash were found right behind the last write. One process at a time uses its
/// directory. Safe for concurrent use; disposing it marks an orderly end, and is done when nobody uses it any more.
/// </summary>
public sealed partial class DiskContentStore : ILocalContentStore, IAsyncDisposable
{
    private const int BlockBytes = 4096;
    private const int MaximumBufferBytes = 1 << 18;
    private const int Shards = 256;

    // Last uses go to the disk as the file's time of change, at most this often: renewing must cost nothing when a blob is hot.
    private static readonly long RenewalTicks = TimeSpan.FromMinutes(10).Ticks;

    // Linux writes dirty pages back after 30 s; twice that is what a crash of the machine may have taken.
    private static readonly TimeSpan CrashWindow = TimeSpan.FromSeconds(60);

    private readonly DiskContentStoreOptions _options;
    private readonly StoreDirectory _directory;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BlobIndex _index;

    // A name's file appears and goes only under its shard's lock, together with the index. Order: shard, then index.
    private readonly Lock[] _shards = [.. Enumerable.Range(0, Shards).Select(static _ => new Lock())];
    private int _disposed;

    private DiskContentStore(DiskContentStoreOptions options, StoreDirectory directory, TimeProvider time, ILogger logger)
    {
        _options = options;
        _directory = directory;
        _time = time;
        _logger = logger;
        _index = new BlobIndex(options.MaximumBytes, BlockBytes);
    }

    /// <summary>Space of all blobs and of those being written, in bytes; each counts in whole blocks.</summary>
    public long UsedBytes => _index.UsedBytes;

    /// <summary>Number of blobs.</summary>
    public int Count => _index.Count;

    private long Now => _time.GetUtcNow().UtcTicks;

    /// <summary>Opens the store in a directory, finding what is there. After a crash, the last written blobs are hashed first.</summary>
    /// <exception cref="ArgumentException">The path is empty or the bound is not positive.</exception>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Unavailable"/>: another process uses the directory, or it can't be written.
    /// </exception>
    public static async Task<DiskContentStore> OpenAsync(
        DiskContentStoreOptions options, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(logger);
        ArgumentException.ThrowIfNullOrWhiteSpace(options.Path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaximumBytes);

        StoreDirectory directory = StoreDirectory.Open(options.Path);
        DiskContentStore store = new(options, directory, time, logger);
        try
        {
            await Task.Run(() => store.LoadAsync(cancellationToken), cancellationToken);
            return store;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(digests);
        HashSet<Digest> missing = [];
        foreach (Digest digest in digests)
        {
            if (!IsPresent(digest))
            {
                missing.Add(digest);
            }
        }

        return ValueTask.FromResult<IReadOnlyList<Digest>>([.. missing]);
    }

    /// <inheritdoc/>
    public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (digest == Digest.Empty)
        {
            return ValueTask.FromResult<Stream?>(new MemoryStream([], writable: false));
        }

        SafeFileHandle? handle = TryOpenFile(digest);
        return ValueTask.FromResult<Stream?>(handle is null ? null : new FileStream(handle, FileAccess.Read, bufferSize: 0));
    }

    /// <inheritdoc/>
    public SafeFileHandle? TryOpenFile(Digest digest)
    {
        if (digest == Digest.Empty && !_index.Contains(digest))
        {
            // No client sends the empty blob, yet a workspace needs a file to show.
            Take(digest, []);
        }

        if (!_index.TryUse(digest, out BlobIndex.Entry? entry))
        {
            return null;
        }

        SafeFileHandle handle;
        string path = _directory.PathOf(digest);
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            // Evicted a moment ago, or deleted by somebody else.
            _index.Remove(entry);
            return null;
        }

        try
        {
            if (IsIntact(handle, entry) && entry.Digest == digest)
            {
                Renew(entry);
                SafeFileHandle result = handle;
                handle = null!;
                return result;
            }

            return null;
        }
        finally
        {
            handle?.Dispose();
        }
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        if (digest != Digest.Empty && IsPresent(digest))
        {
            await DrainAsync(content, cancellationToken);
            return;
        }

        Reserve(digest);
        string temporary = _directory.NewTemporaryPath();
        try
        {
            using VerifyingStream verified = new(content, digest, "that was sent", leaveOpen: true);
            await WriteAsync(temporary, verified, digest.SizeBytes, cancellationToken);
            Publish(temporary, digest);
        }
        catch (Exception exception)
        {
            Abandon(temporary, digest);
            throw AsExhausted(exception, digest);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<Digest> PutFileAsync(string path, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Digest digest;
        bool canRename;
        await using (FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0))
        {
            digest = await Digest.ComputeAsync(file, cancellationToken);

            // A second name could change the blob behind our back; a foreign owner could make it writable again.
            canRename = !OperatingSystem.IsWindows()
                && PosixNative.Stat(file.SafeFileHandle) is { Links: 1 } stat
                && stat.UserId == PosixNative.geteuid();
        }

        if (!IsPresent(digest) && (!canRename || !TryTakeIn(path, digest)))
        {
            await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            await PutAsync(digest, file, cancellationToken);
        }

        File.Delete(path);
        return digest;
    }

    /// <inheritdoc/>
    public IContentLease Lease() => new ContentLease(_index);

    /// <summary>Marks an orderly end and lets others use the directory. Nobody may use the store any more.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            try
            {
                _directory.MarkClean();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Costs some hashing at the next start, no more.
                Log.NotMarkedClean(_logger, exception);
            }

            _directory.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static async ValueTask DrainAsync(Stream content, CancellationToken cancellationToken)
    {
        if (!content.CanSeek)
        {
            await content.CopyToAsync(Stream.Null, MaximumBufferBytes, cancellationToken);
        }
    }

    private static void MakeReadOnly(SafeFileHandle file)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        List<(Digest Digest, DateTime LastUse)> found = [.. _directory.Scan()];
        found.Sort(static (left, right) => left.LastUse.CompareTo(right.LastUse));
        foreach ((Digest digest, DateTime lastUse) in found)
        {
            _index.AddFound(digest, lastUse.Ticks);
        }

        if (!_directory.WasClosedCleanly && found.Count > 0)
        {
            // The crash was not before the last use that reached the disk. Times in the future prove nothing.
            DateTime now = _time.GetUtcNow().UtcDateTime;
            DateTime crash = found.Where(blob => blob.LastUse <= now).Select(static blob => blob.LastUse).LastOrDefault(now);
            List<Digest> suspects = [.. found.Where(blob => blob.LastUse >= crash - CrashWindow).Select(static blob => blob.Digest)];
            Log.Checking(_logger, _options.Path, suspects.Count);
            await Parallel.ForEachAsync(suspects, cancellationToken, (digest, _) =>
            {
                // Opening hashes what was not hashed since the start, and removes what is damaged.
                TryOpenFile(digest)?.Dispose();
                return ValueTask.CompletedTask;
            });
        }

        Delete(_index.Trim(0));
        Log.Opened(_logger, _options.Path, _index.Count, _index.UsedBytes, _options.MaximumBytes);
    }

    private bool IsPresent(Digest digest)
    {
        if (digest == Digest.Empty)
        {
            return true;
        }

        if (!_index.TryUse(digest, out BlobIndex.Entry? entry) || entry.Digest != digest)
        {
            return false;
        }

        Renew(entry);
        return true;
    }

    private void Renew(BlobIndex.Entry entry)
    {
        long now = Now;
        if (entry.TryClaimRenewal(now, RenewalTicks))
        {
            try
            {
                File.SetLastWriteTimeUtc(_directory.PathOf(entry.Digest), new DateTime(now, DateTimeKind.Utc));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Only its place in the order of use after the next start suffers.
                Log.NotRenewed(_logger, entry.Digest, exception);
            }
        }
    }

    private bool IsIntact(SafeFileHandle handle, BlobIndex.Entry entry)
    {
        long now = Now;
        string? damage = null;
        long length = RandomAccess.GetLength(handle);
        if (length != entry.Digest.SizeBytes)
        {
            damage = $"its length is {length}";
        }
        else if (entry.VerifiedAt == 0 || now - entry.VerifiedAt > _options.TrustedFor.Ticks)
        {
            Digest actual = ComputeDigest(handle, length);
            if (actual == entry.Digest)
            {
                entry.VerifiedAt = now;
            }
            else
            {
                damage = $"its SHA-256 is {actual.HashText}";
            }
        }

        if (damage is null)
        {
            return true;
        }

        Log.Damaged(_logger, entry.Digest, damage);
        if (_index.Remove(entry))
        {
            Delete([entry.Digest]);
        }

        return false;
    }

    private static Digest ComputeDigest(SafeFileHandle handle, long length)
    {
        using System.Security.Cryptography.IncrementalHash hash =
            System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(length, 1, MaximumBufferBytes));
        try
        {
            long position = 0;
            int read;
            while ((read = RandomAccess.Read(handle, buffer, position)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                position += read;
            }

            return Digest.Finish(hash, position);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Reserve(Digest digest)
    {
        if (!_index.TryReserve(digest.SizeBytes, out IReadOnlyList<Digest> victims))
        {
            throw new ReprException(
                ReprErrorCode.Exhausted,
                $"The content store {_options.Path} has no space for blob {digest}: {_index.UsedBytes} of {_options.MaximumBytes} bytes are in "
                + "use by running actions or too small. Try again later, or give the store more space.");
        }

        Delete(victims);
    }

    private async ValueTask WriteAsync(string path, Stream content, long sizeBytes, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(sizeBytes, 1, MaximumBufferBytes));
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
            long position = 0;
            int read;
            while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
            {
                // Synchronous on purpose: it copies into the page cache, and a hop to another thread costs more than that.
                RandomAccess.Write(file, buffer.AsSpan(0, read), position);
                position += read;
            }

            Finish(file, path, sizeBytes);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Finish(SafeFileHandle file, string path, long sizeBytes)
    {
        long length = RandomAccess.GetLength(file);
        if (length != sizeBytes)
        {
            throw new IOException($"{path} has {length} bytes after {sizeBytes} were written.");
        }

        if (_options.Durable)
        {
            RandomAccess.FlushToDisk(file);
        }

        MakeReadOnly(file);
    }

    // Needs a reservation; uses it up.
    private void Publish(string temporary, Digest digest)
    {
        string path = _directory.PathOf(digest);
        lock (ShardOf(digest))
        {
            File.Move(temporary, path, overwrite: true);
            _index.Commit(digest, Now);
        }

        if (_options.Durable && !OperatingSystem.IsWindows())
        {
            PosixNative.FlushDirectory(Path.GetDirectoryName(path)!);
        }
    }

    private bool TryTakeIn(string path, Digest digest)
    {
        Reserve(digest);
        string temporary = _directory.NewTemporaryPath();
        try
        {
            int error = PosixNative.Rename(path, temporary);
            if (error == PosixNative.EXDEV)
            {
                _index.Release(digest.SizeBytes);
                return false;
            }

            if (error != 0)
            {
                throw new IOException($"{path} could not be moved into the content store: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error)}.");
            }

            using (SafeFileHandle file = File.OpenHandle(temporary, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
            {
                Finish(file, temporary, digest.SizeBytes);
                File.SetLastWriteTimeUtc(file, new DateTime(Now, DateTimeKind.Utc));
            }

            Publish(temporary, digest);
            return true;
        }
        catch (Exception exception)
        {
            Abandon(temporary, digest);
            throw AsExhausted(exception, digest);
        }
    }

    private void Take(Digest digest, ReadOnlySpan<byte> content)
    {
        Reserve(digest);
        string temporary = _directory.NewTemporaryPath();
        try
        {
            using (SafeFileHandle file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, content, 0);
                Finish(file, temporary, digest.SizeBytes);
            }

            Publish(temporary, digest);
        }
        catch (Exception exception)
        {
            Abandon(temporary, digest);
            throw AsExhausted(exception, digest);
        }
    }

    private void Abandon(string temporary, Digest digest)
    {
        _index.Release(digest.SizeBytes);
        TryDelete(temporary);
    }

    private Exception AsExhausted(Exception exception, Digest digest)
    {
        if (exception is not IOException io || !DiskFull.Is(io))
        {
            return exception;
        }

        // Somebody else filled the disk: make room for the next attempt, as if the bound were smaller.
        Delete(_index.Trim(_options.MaximumBytes - _index.UsedBytes + _index.SpaceOf(digest.SizeBytes)));
        return new ReprException(
            ReprErrorCode.Exhausted,
            $"The disk of the content store {_options.Path} is full; blob {digest} was not stored. Free space, or make the store smaller.",
            io);
    }

    private void Delete(IReadOnlyList<Digest> digests)
    {
        foreach (Digest digest in digests)
        {
            lock (ShardOf(digest))
            {
                // It may have been put again since it left the index; then the file is the new one.
                if (!_index.Contains(digest))
                {
                    TryDelete(_directory.PathOf(digest));
                }
            }
        }
    }

    private void TryDelete(string path)
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

    private Lock ShardOf(Digest digest) => _shards[(uint)digest.GetHashCode() % Shards];

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Content store {Path}: {Count} blobs, {UsedBytes} of {MaximumBytes} bytes.")]
        public static partial void Opened(ILogger logger, string path, int count, long usedBytes, long maximumBytes);

        [LoggerMessage(
            Level = LogLevel.Warning,
            Message = "Content store {Path} was not closed in order; checking the {Count} blobs that were used last.")]
        public static partial void Checking(ILogger logger, string path, int count);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Blob {Digest} is damaged and was removed: {Damage}.")]
        public static partial void Damaged(ILogger logger, Digest digest, string damage);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Could not delete {Path}; its space is lost until it is deleted.")]
        public static partial void NotDeleted(ILogger logger, string path, Exception exception);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Could not renew the last use of blob {Digest}.")]
        public static partial void NotRenewed(ILogger logger, Digest digest, Exception exception);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Could not mark the content store as closed in order.")]
        public static partial void NotMarkedClean(ILogger logger, Exception exception);
    }
}
