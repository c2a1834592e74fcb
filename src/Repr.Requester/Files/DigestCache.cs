using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Repr.Requester.Placeholders;

namespace Repr.Requester.Files;

/// <summary>A regular file and what it contained while its attributes were these.</summary>
/// <param name="Digest">Its content.</param>
/// <param name="Stat">Its attributes.</param>
internal readonly record struct HashedFile(Digest Digest, FileStat Stat);

/// <summary>
/// Digests of this machine's files, remembered by (device, inode) as long as size, mtime and ctime stay the same, across
/// restarts. A file that changed less than two seconds before it was hashed is "racy" (as in git's index): a later change could
/// leave the same times, so its digest answers only those who wait for it. Safe for concurrent use.
/// </summary>
internal sealed class DigestCache : IDisposable
{
    private const long RacyNs = 2_000_000_000;
    private const int WholeFileLength = 1 << 20;
    private const int ChunkLength = 1 << 17;
    private const int Attempts = 3;

    private readonly ConcurrentDictionary<DigestCacheKey, DigestCacheValue> _entries;
    private readonly ConcurrentDictionary<FileStat, Lazy<Task<HashedFile>>> _running = new();
    private readonly ConcurrentDictionary<ulong, bool> _distrustedDevices = new();
    private readonly SemaphoreSlim _cores = new(Math.Max(2, Environment.ProcessorCount));
    private readonly Lock _fileLock = new();
    private readonly TimeProvider _time;
    private readonly DigestCacheFile? _file;
    private long _hashed;
    private bool _disposed;

    /// <summary>Opens the cache.</summary>
    /// <param name="path">The file that keeps it; when another process has it, this one remembers in memory only.</param>
    /// <param name="time">The clock of the file systems.</param>
    public DigestCache(string path, TimeProvider time)
    {
        _time = time;
        Dictionary<DigestCacheKey, DigestCacheValue> loaded = [];
        _file = DigestCacheFile.TryOpen(path, loaded);
        _entries = new ConcurrentDictionary<DigestCacheKey, DigestCacheValue>(loaded);
    }

    /// <summary>Knows files whose content is not on this machine; null: there are none.</summary>
    public PlaceholderContents? Placeholders { get; init; }

    /// <summary>Number of remembered files.</summary>
    public int Count => _entries.Count;

    /// <summary>How often a file's content was read to hash it.</summary>
    public long HashedFiles => Interlocked.Read(ref _hashed);

    /// <summary>False when another process has the file, so that nothing is kept beyond this process.</summary>
    public bool IsPersistent => _file is not null;

    /// <summary>Digest of a regular file. The last component may not be a link.</summary>
    /// <param name="path">A physical path.</param>
    /// <param name="stat">What lstat said about it just now.</param>
    /// <param name="cancellationToken">Stops the waiting; others may still want the digest.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidInput"/>: it cannot be read or keeps changing.</exception>
    public ValueTask<HashedFile> GetAsync(string path, FileStat stat, CancellationToken cancellationToken)
    {
        if (TryGet(stat, out Digest digest))
        {
            return new ValueTask<HashedFile>(new HashedFile(digest, stat));
        }

        Lazy<Task<HashedFile>> hashing = _running.GetOrAdd(
            stat, static (key, state) =>
                new Lazy<Task<HashedFile>>(() => state.Cache.HashOnceAsync(state.Path, key)), (Cache: this, Path: path));
        return new ValueTask<HashedFile>(hashing.Value.WaitAsync(cancellationToken));
    }

    /// <summary>The remembered digest of a file whose attributes are these.</summary>
    public bool TryGet(FileStat stat, out Digest digest)
    {
        if (stat.Content is { } placeholder)
        {
            digest = placeholder.Digest;
            return true;
        }

        bool found = _entries.TryGetValue(new DigestCacheKey(stat.Device, stat.Inode), out DigestCacheValue value)
            && value.ModifiedNs == stat.ModifiedNs && value.ChangedNs == stat.ChangedNs && value.Digest.SizeBytes == stat.SizeBytes;
        digest = found ? value.Digest : default;
        return found;
    }

    /// <summary>
    /// Remembers a file that we have just written and checked ourselves, so that it need not be read again. It is kept on disk
    /// only when it was not racy, like any other.
    /// </summary>
    public void Enter(FileStat stat, Digest digest)
    {
        if (digest.SizeBytes == stat.SizeBytes && stat.IsFile && !_distrustedDevices.GetValueOrDefault(stat.Device))
        {
            Remember(stat, digest, keep: !IsRacy(stat, NowNs()));
        }
    }

    /// <summary>Forgets what is known about a file, because its content was found to be different.</summary>
    public void Forget(FileStat stat) => _entries.TryRemove(new DigestCacheKey(stat.Device, stat.Inode), out _);

    /// <summary>Hands what was learned to the system.</summary>
    public void Flush()
    {
        lock (_fileLock)
        {
            if (!_disposed)
            {
                _file?.Flush();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_fileLock)
        {
            _disposed = true;
            _file?.Dispose();
        }

        _cores.Dispose();
    }

    private static bool IsRacy(FileStat stat, long hashStartNs) => Math.Max(stat.ModifiedNs, stat.ChangedNs) > hashStartNs - RacyNs;

    private long NowNs() => (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;

    private async Task<HashedFile> HashOnceAsync(string path, FileStat key)
    {
        await _cores.WaitAsync();
        try
        {
            return await Task.Run(() => Hash(path));
        }
        finally
        {
            _running.TryRemove(key, out _);
            _cores.Release();
        }
    }

    /// <summary>The digest of a file whose content is not known, computed on the caller's thread.</summary>
    /// <param name="path">A physical path.</param>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidInput"/>: it cannot be read or keeps changing.</exception>
    public HashedFile Hash(string path)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if (TryHash(path) is { } hashed)
            {
                return hashed;
            }
        }

        throw new ReprException(ReprErrorCode.InvalidInput, $"The file '{path}' changes while it is read; build again when it is at rest.");
    }

    private HashedFile? TryHash(string path)
    {
        try
        {
            using SafeFileHandle file = Disk.TryOpenFile(VirtualPath.Parse(path))
                ?? throw new ReprException(ReprErrorCode.InvalidInput, $"The file '{path}' has vanished; build again.");
            FileStat before = Disk.Stat(file);
            if (!before.IsFile)
            {
                throw new ReprException(ReprErrorCode.InvalidInput, $"'{path}' is not a regular file; it cannot be sent to a worker.");
            }

            long start = NowNs();
            Digest digest = Hash(file, before.SizeBytes);
            if (Disk.Stat(file) != before || Disk.TryStat(VirtualPath.Parse(path)) != before || digest.SizeBytes != before.SizeBytes)
            {
                return null;
            }

            bool distrusted = _distrustedDevices.GetOrAdd(
                before.Device, static (_, handle) => !Disk.HasTrueChangeTimes(handle), file);
            if (!distrusted && !IsRacy(before, start))
            {
                Remember(before, digest, keep: true);
            }

            return new HashedFile(digest, before);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ReprException(ReprErrorCode.InvalidInput, $"The file '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    private Digest Hash(SafeFileHandle file, long size)
    {
        Interlocked.Increment(ref _hashed);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(size < WholeFileLength ? (int)size + 1 : ChunkLength);
        try
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long offset = 0;
            int read;
            while ((read = RandomAccess.Read(file, buffer, offset)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                offset += read;
            }

            return Digest.Finish(hash, offset);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Remember(FileStat stat, Digest digest, bool keep)
    {
        DigestCacheKey key = new(stat.Device, stat.Inode);
        DigestCacheValue value = new(digest, stat.ModifiedNs, stat.ChangedNs);
        _entries[key] = value;
        if (!keep)
        {
            return;
        }

        lock (_fileLock)
        {
            if (!_disposed)
            {
                _file?.Append(key, value);
            }
        }
    }
}
