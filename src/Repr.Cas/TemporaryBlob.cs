using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cas;

/// <summary>
/// The file of a blob on its way into a disk store: under a temporary name until its content is complete, checked and read-only.
/// Disposing it deletes what was not published. Used by one caller at a time.
/// </summary>
/// <param name="directory">Where the file is made.</param>
/// <param name="digest">What its content must be.</param>
/// <param name="now">What it gets as its time of last use.</param>
/// <param name="durable">Whether it is flushed to the device before it is published.</param>
internal sealed class TemporaryBlob(StoreDirectory directory, Digest digest, DateTime now, bool durable) : IDisposable
{
    private const int MaximumBufferBytes = 1 << 18;
    private readonly string _path = directory.NewTemporaryPath(directory.PathOf(digest));
    private bool _isThere;

    /// <summary>Writes the content, reading the stream to its end.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Corrupt"/>: it is not what the digest says.</exception>
    /// <exception cref="IOException">It could not be written.</exception>
    public async ValueTask WriteAsync(Stream content, CancellationToken cancellationToken)
    {
        using VerifyingStream verified = new(content, digest, "that was sent", leaveOpen: true);
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(digest.SizeBytes, 1, MaximumBufferBytes));
        try
        {
            using SafeFileHandle file = File.OpenHandle(_path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
            _isThere = true;
            long position = 0;
            int read;
            while ((read = await verified.ReadAsync(buffer, cancellationToken)) > 0)
            {
                // Synchronous on purpose: it copies into the page cache, and a hop to another thread costs more than that.
                RandomAccess.Write(file, buffer.AsSpan(0, read), position);
                position += read;
            }

            Finish(file);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Takes over a finished file, whose content was found to be the digest's, by giving it another name.</summary>
    /// <returns>False when that is not possible: the file is elsewhere, has other names, or a foreign owner. It is left as it is.</returns>
    /// <exception cref="IOException">It was taken over, but could not be made read-only.</exception>
    public bool TryTakeOver(string path)
    {
        // Only Linux tells the number of names. A link would move itself, not the file.
        if (!OperatingSystem.IsLinux() || new FileInfo(path).LinkTarget is not null)
        {
            return false;
        }

        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        (uint links, uint owner) = PosixNative.Stat(file);

        // Another name could change the blob behind our back; a foreign owner could make it writable again.
        if (links != 1 || (owner != PosixNative.geteuid() && !PosixNative.TryTakeOwnership(file)) || !PosixNative.TryMove(path, _path))
        {
            return false;
        }

        _isThere = true;
        Finish(file);
        return true;
    }

    /// <summary>Gives the file its blob's name, replacing what is there.</summary>
    /// <exception cref="IOException">It could not be renamed.</exception>
    public void Publish()
    {
        string path = directory.PathOf(digest);
        File.Move(_path, path, overwrite: true);
        _isThere = false;
        if (durable && !OperatingSystem.IsWindows())
        {
            PosixNative.FlushDirectory(Path.GetDirectoryName(path)!);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isThere)
        {
            directory.Delete(_path);
        }
    }

    private void Finish(SafeFileHandle file)
    {
        long length = RandomAccess.GetLength(file);
        if (length != digest.SizeBytes)
        {
            throw new IOException($"{_path} has {length} bytes instead of {digest.SizeBytes}.");
        }

        // The time of change is the time of last use: after a crash it tells which blobs may be damaged. Those of a file that was
        // taken over may be anything.
        File.SetLastWriteTimeUtc(file, now);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        if (durable)
        {
            RandomAccess.FlushToDisk(file);
        }
    }
}
