using Polly;
using Polly.Retry;

namespace Repr.Cas.Directory;

/// <summary>
/// One file for each blob in a directory that many processes of many machines use at once, on file systems that promise little: no
/// locks, no hard links, no times of access. A blob is written under a name of its own, flushed to the server, and renamed when it is
/// complete, so whatever has a blob's name is whole; a length that differs is a blob that is not there. Nothing is known but what the
/// directory says. Nothing is evicted: the time of change tells when a blob was last used. Safe for concurrent use.
/// </summary>
internal sealed class DirectoryStore : IContentStore
{
    private const int BufferBytes = 1 << 17;

    private readonly DirectoryStoreOptions _options;
    private readonly PluginContext _context;
    private readonly string _blobs;
    private readonly string _incoming;
    private readonly AbandonedFiles _abandoned;
    private readonly ResiliencePipeline _retry;

    /// <summary>Makes the store. Touches nothing yet.</summary>
    public DirectoryStore(DirectoryStoreOptions options, PluginContext context)
    {
        _options = options;
        _context = context;
        _blobs = Path.Combine(options.Path, "blobs");
        _incoming = Path.Combine(options.Path, "incoming");
        _abandoned = new AbandonedFiles(_incoming, TimeSpan.FromHours(options.AbandonedAfterHours), context);
        _retry = new ResiliencePipelineBuilder { TimeProvider = context.Time }
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = 4,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(50),
                ShouldHandle = new PredicateBuilder().Handle<IOException>(ShareErrors.IsTransient),
            })
            .Build();
    }

    private DateTime Now => _context.Time.GetUtcNow().UtcDateTime;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken)
    {
        await CallAsync(
            _ =>
            {
                RequireDirectory();
                return ValueTask.FromResult(true);
            },
            cancellationToken);
        Digest[] distinct = [.. digests.Distinct().Where(static digest => digest != Digest.Empty)];
        bool[] isThere = new bool[distinct.Length];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = _options.ParallelCalls, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, distinct.Length, parallel, async (index, token) =>
            isThere[index] = await CallAsync(_ => ValueTask.FromResult(Has(distinct[index])), token));
        return [.. distinct.Where((_, index) => !isThere[index])];
    }

    /// <inheritdoc/>
    public ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken) => CallAsync(
        _ =>
        {
            RequireDirectory();
            FileStream? file = TryOpen(digest);
            if (file is not null && file.Length != digest.SizeBytes)
            {
                file.Dispose();
                file = null;
            }

            return ValueTask.FromResult<Stream?>(file);
        },
        cancellationToken);

    /// <inheritdoc/>
    public async ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentOutOfRangeException.ThrowIfEqual(digest.IsDefault, true, nameof(digest));
        string temporary = Path.Combine(_incoming, $"{Guid.NewGuid():N}.tmp");
        string path = PathOf(digest);
        try
        {
            FileStream file = await CallAsync(
                _ =>
                {
                    RequireDirectory();
                    System.IO.Directory.CreateDirectory(_incoming);
                    System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    return ValueTask.FromResult(new FileStream(
                        temporary, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
                },
                cancellationToken);
            await using (file)
            {
                await CopyAsync(content, file, digest, cancellationToken);
            }

            await CallAsync(
                _ =>
                {
                    Publish(temporary, path, digest);
                    return ValueTask.FromResult(true);
                },
                cancellationToken);
        }
        catch
        {
            AbandonedFiles.TryDelete(temporary);
            throw;
        }

        _abandoned.CleanUp(path);
    }

    // The hash names it; the length is compared.
    private string PathOf(Digest digest)
    {
        string hash = digest.HashText;
        return Path.Combine(_blobs, hash[..2], hash);
    }

    private bool Has(Digest digest)
    {
        FileInfo file = new(PathOf(digest));
        if (!file.Exists || file.Length != digest.SizeBytes)
        {
            return false;
        }

        if (Now - file.LastWriteTimeUtc > TimeSpan.FromHours(_options.RenewAfterHours))
        {
            Renew(file.FullName);
        }

        return true;
    }

    private void Renew(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, Now);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It went away, which the next call will see; or it is another user's, and whoever deletes by age deletes too much.
        }
    }

    private FileStream? TryOpen(Digest digest)
    {
        try
        {
            return new FileStream(
                PathOf(digest), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    // What the source throws is not of the share.
    private static async Task CopyAsync(Stream content, FileStream file, Digest digest, CancellationToken cancellationToken)
    {
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            long length = 0;
            int read;
            while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
            {
                await WriteAsync(file, buffer.AsMemory(0, read), cancellationToken);
                length += read;
            }

            if (length != digest.SizeBytes)
            {
                throw new ReprException(ReprErrorCode.Corrupt, $"The content for blob {digest} has {length} bytes. Send the blob again.");
            }

            await FlushAsync(file, cancellationToken);
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async ValueTask WriteAsync(FileStream file, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await file.WriteAsync(bytes, cancellationToken);
        }
        catch (IOException failure)
        {
            throw Translate(failure, file.Name);
        }
    }

    // Network file systems tell that a write failed when it is flushed, or never. Never repeated: a second flush tells nothing.
    private static async ValueTask FlushAsync(FileStream file, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Run(() => file.Flush(flushToDisk: true), cancellationToken);
        }
        catch (IOException failure)
        {
            throw Translate(failure, file.Name);
        }
    }

    private static void Publish(string temporary, string path, Digest digest)
    {
        try
        {
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException
            && new FileInfo(path) is { Exists: true } there && there.Length == digest.SizeBytes)
        {
            // A repeated rename whose first answer was lost; or, on SMB, somebody reads the blob that is there already.
            AbandonedFiles.TryDelete(temporary);
        }
    }

    private void RequireDirectory()
    {
        if (!System.IO.Directory.Exists(_options.Path))
        {
            throw new DirectoryNotFoundException($"'{_options.Path}' is not there: mount the share, or make the directory");
        }
    }

    private async ValueTask<T> CallAsync<T>(Func<CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            // Calls on a share block their thread.
            return await _retry.ExecuteAsync(
                async token => await Task.Run(async () => await call(token), token), cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Translate(failure, _options.Path);
        }
    }

    private static ReprException Translate(Exception failure, string path) => failure is IOException io && ShareErrors.IsFull(io)
        ? new ReprException(ReprErrorCode.Exhausted, $"The shared directory '{path}' is full; free space there.", failure)
        : new ReprException(ReprErrorCode.Unavailable, $"The shared directory can't be used: {failure.Message.TrimEnd('.')}.", failure);
}
