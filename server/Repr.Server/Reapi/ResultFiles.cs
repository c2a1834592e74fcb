using System.IO.Enumeration;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Repr.Cas;

namespace Repr.Server.Reapi;

/// <summary>
/// Results of actions as files of one directory, bounded in space: the least recently used go first. A file is named by its action's hash
/// and holds the SHA-256 of the message, then the message; it appears when it is whole. One process at a time uses the directory. Safe for
/// concurrent use.
/// </summary>
internal sealed partial class ResultFiles
{
    private const int BlockBytes = 4096;
    private const string Unfinished = ".tmp";

    // Last uses go to the disk as the file's time of change, at most this often.
    private static readonly long RenewalTicks = TimeSpan.FromMinutes(10).Ticks;

    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BlobIndex _index;
    private readonly long _maximumBytes;

    // A file appears and goes only under it, together with the index.
    private readonly Lock _names = new();

    private ResultFiles(string directory, long maximumBytes, TimeProvider time, ILogger logger)
    {
        _directory = directory;
        _maximumBytes = maximumBytes;
        _time = time;
        _logger = logger;
        _index = new BlobIndex(maximumBytes, BlockBytes);
    }

    private long Now => _time.GetUtcNow().UtcTicks;

    /// <summary>Opens a directory, which is made when it is missing; what is beyond the bound goes.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="maximumBytes">Bound of the files' space, each in blocks of 4 KiB.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said that a file can't be removed.</param>
    /// <exception cref="IOException">It can't be made or read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public static ResultFiles Open(string directory, long maximumBytes, TimeProvider time, ILogger logger)
    {
        ResultFiles files = new(Directory.CreateDirectory(directory).FullName, maximumBytes, time, logger);
        foreach (string left in Directory.EnumerateFiles(directory, "*" + Unfinished))
        {
            files.Delete(left);
        }

        foreach ((Digest file, DateTimeOffset lastUse) in files.Scan().OrderBy(static found => found.LastUse))
        {
            files._index.AddFound(file, lastUse.UtcTicks);
        }

        files.Delete(files._index.Trim(0));
        return files;
    }

    /// <summary>Reads the message of an action; it is now the last used. Null: there is none, or it is damaged.</summary>
    public async Task<byte[]?> TryReadAsync(Digest action, CancellationToken cancellationToken)
    {
        if (!_index.TryUse(action, out BlobIndex.Entry? entry))
        {
            return null;
        }

        string path = PathOf(action);
        try
        {
            byte[] bytes = await File.ReadAllBytesAsync(path, cancellationToken);
            if (entry.TryClaimRenewal(Now, RenewalTicks))
            {
                File.SetLastWriteTimeUtc(path, new DateTime(Now, DateTimeKind.Utc));
            }

            // A crash may leave a renamed file empty, and no bytes at all are a valid message: a success without outputs.
            byte[] message = bytes[Math.Min(bytes.Length, SHA256.HashSizeInBytes)..];
            return bytes.AsSpan(0, bytes.Length - message.Length).SequenceEqual(SHA256.HashData(message)) ? message : null;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            // Replaced by others a moment ago, or deleted by somebody.
            _index.Remove(entry);
            return null;
        }
    }

    /// <summary>Keeps the message of an action, in place of an earlier one.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Exhausted"/>: it is larger than the bound, or can't be written.
    /// </exception>
    public async Task WriteAsync(Digest action, byte[] message, CancellationToken cancellationToken)
    {
        byte[] content = [.. SHA256.HashData(message), .. message];
        if (!_index.TryReserve(content.Length, out IReadOnlyList<Digest> victims))
        {
            throw new ReprException(
                ReprErrorCode.Exhausted,
                $"The result of the action {action} has {content.Length} bytes and the action cache at most {_maximumBytes}: raise --max-action-cache-bytes.");
        }

        Delete(victims);
        string temporary = $"{PathOf(action)}.{Guid.NewGuid():N}{Unfinished}";
        bool isKept = false;
        try
        {
            await File.WriteAllBytesAsync(temporary, content, cancellationToken);
            lock (_names)
            {
                File.Move(temporary, PathOf(action), overwrite: true);
                _index.Commit(FileOf(action, content.Length), Now);
            }

            isKept = true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ReprException(
                ReprErrorCode.Exhausted, $"The result of the action {action} can't be kept in {_directory}: {failure.Message}", failure);
        }
        finally
        {
            if (!isKept)
            {
                _index.Release(content.Length);
                Delete(temporary);
            }
        }
    }

    // The index goes by the hash; the length is that of the file.
    private static Digest FileOf(Digest action, long length) =>
        Digest.TryParse(action.HashText, length, out Digest file) ? file : throw new ArgumentException("No hash.", nameof(action));

    private string PathOf(Digest action) => Path.Combine(_directory, action.HashText);

    private FileSystemEnumerable<(Digest File, DateTimeOffset LastUse)> Scan() => new(_directory, static (ref FileSystemEntry entry) =>
        Digest.TryParse(entry.FileName, entry.Length, out Digest file) ? (file, entry.LastWriteTimeUtc) : default)
    {
        ShouldIncludePredicate = static (ref FileSystemEntry entry) => !entry.IsDirectory && Digest.TryParse(entry.FileName, 0, out _),
    };

    private void Delete(IReadOnlyList<Digest> victims)
    {
        foreach (Digest victim in victims)
        {
            lock (_names)
            {
                // It may have been written again since it left the index.
                if (!_index.Contains(victim))
                {
                    Delete(PathOf(victim));
                }
            }
        }
    }

    private void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Log.NotDeleted(_logger, path, failure.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Could not delete {Path}; its space is lost until it is deleted. {Reason}")]
        public static partial void NotDeleted(ILogger logger, string path, string reason);
    }
}
