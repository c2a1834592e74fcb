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
    private const int Shards = 256;

    // Last uses go to the disk as the file's time of change, at most this often: renewing must cost nothing when a blob is hot.
    private static readonly long RenewalTicks = TimeSpan.FromMinutes(10).Ticks;

    private readonly DiskContentStoreOptions _options;
    private readonly StoreDirectory _directory;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BlobIndex _index;
    private readonly IntegrityCheck _integrity;

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
        _integrity = new IntegrityCheck(options.TrustedFor, time);
    }

    /// <summary>Space of all blobs and of those being written, in bytes; each counts in whole blocks.</summary>
    public long UsedBytes => _index.UsedBytes;

    /// <summary>Number of blobs.</summary>
    public int Count => _index.Count;

    private DateTime Now => _time.GetUtcNow().UtcDateTime;

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

        StoreDirectory directory = StoreDirectory.Open(options.Path, logger);
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
        SafeFileHandle? handle = TryOpenFile(digest);
        return ValueTask.FromResult<Stream?>(handle is null ? null : new FileStream(handle, FileAccess.Read, bufferSize: 0));
    }

    /// <inheritdoc/>
    public SafeFileHandle? TryOpenFile(Digest digest)
    {
        if (digest == Digest.Empty)
        {
            return _directory.OpenEmpty();
        }

        if (!_index.TryUse(digest, out BlobIndex.Entry? entry) || TryOpenIntact(entry) is not { } handle)
        {
            return null;
        }

        if (entry.Digest != digest)
        {
            // The hash is right, so the length that was asked for is a lie.
            handle.Dispose();
            return null;
        }

        Renew(entry);
        return handle;
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        if (digest == Digest.Empty)
        {
            using VerifyingStream verified = new(content, digest, "that was sent", leaveOpen: true);
            await verified.CopyToAsync(Stream.Null, cancellationToken);
            return;
        }

        if (IsPresent(digest))
        {
            await DrainAsync(content, cancellationToken);
            return;
        }

        using TemporaryBlob blob = NewBlob(digest);
        Reserve(digest);
        try
        {
            await blob.WriteAsync(content, cancellationToken);
            Publish(blob, digest);
        }
        catch (Exception exception)
        {
            _index.Release(digest.SizeBytes);
            throw AsExhausted(exception, digest);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<Digest> PutFileAsync(string path, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        Digest digest = await Digest.ComputeAsync(file, cancellationToken);
        if (!IsPresent(digest) && !TryTakeOver(path, digest))
        {
            file.Position = 0;
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
            _directory.MarkClean();
            _directory.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private static async ValueTask DrainAsync(Stream content, CancellationToken cancellationToken)
    {
        if (content.CanSeek)
        {
            content.Seek(0, SeekOrigin.End);
        }
        else
        {
            await content.CopyToAsync(Stream.Null, cancellationToken);
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
            IReadOnlyList<Digest> suspects = CrashSuspects.Among(found, Now);
            Log.Checking(_logger, _options.Path, suspects.Count);
            await Parallel.ForEachAsync(suspects, cancellationToken, (digest, _) =>
            {
                // Opening hashes what was not hashed since the start, and removes what is damaged.
                if (_index.TryUse(digest, out BlobIndex.Entry? entry))
                {
                    TryOpenIntact(entry)?.Dispose();
                }

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
        DateTime now = Now;
        if (entry.TryClaimRenewal(now.Ticks, RenewalTicks))
        {
            _directory.SetLastUse(entry.Digest, now);
        }
    }

    private SafeFileHandle? TryOpenIntact(BlobIndex.Entry entry)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(
                _directory.PathOf(entry.Digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            // Evicted a moment ago, or deleted by somebody else.
            _index.Remove(entry);
            return null;
        }

        string? damage;
        try
        {
            damage = _integrity.FindDamage(handle, entry);
        }
        catch (IOException exception)
        {
            damage = exception.Message;
        }
        catch
        {
            handle.Dispose();
            throw;
        }

        if (damage is null)
        {
            return handle;
        }

        handle.Dispose();
        Log.Damaged(_logger, entry.Digest, damage);
        if (_index.Remove(entry))
        {
            Delete([entry.Digest]);
        }

        return null;
    }

    private TemporaryBlob NewBlob(Digest digest) => new(_directory, digest, Now, _options.Durable);

    private void Reserve(Digest digest)
    {
        if (!_index.TryReserve(digest.SizeBytes, out IReadOnlyList<Digest> victims))
        {
            throw new ReprException(
                ReprErrorCode.Exhausted,
                $"The content store {_options.Path} has no space for blob {digest}: {_index.UsedBytes} of {_options.MaximumBytes} bytes are "
                + "in use. Try again when running actions have ended, or give the store more space.");
        }

        Delete(victims);
    }

    // Needs a reservation; uses it up.
    private void Publish(TemporaryBlob blob, Digest digest)
    {
        lock (ShardOf(digest))
        {
            blob.Publish();
            _index.Commit(digest, Now.Ticks);
        }
    }

    private bool TryTakeOver(string path, Digest digest)
    {
        using TemporaryBlob blob = NewBlob(digest);
        Reserve(digest);
        bool isPublished = false;
        try
        {
            if (blob.TryTakeOver(path))
            {
                Publish(blob, digest);
                isPublished = true;
            }

            return isPublished;
        }
        catch (IOException exception)
        {
            throw AsExhausted(exception, digest);
        }
        finally
        {
            if (!isPublished)
            {
                _index.Release(digest.SizeBytes);
            }
        }
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
                    _directory.Delete(_directory.PathOf(digest));
                }
            }
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
    }
}
