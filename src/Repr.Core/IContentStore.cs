using Microsoft.Win32.SafeHandles;

namespace Repr;

/// <summary>A content-addressed store (CAS): blobs by digest. Safe for concurrent use.</summary>
public interface IContentStore
{
    /// <summary>Returns those of the digests that the store lacks, each once. Renews the others' life.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the store does not answer.</exception>
    ValueTask<IReadOnlyList<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellationToken);

    /// <summary>
    /// Opens a blob for reading from its start; null when the store lacks it. The caller disposes the stream, which is read
    /// asynchronously and may fail as this method does.
    /// </summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: the store does not answer.</exception>
    ValueTask<Stream?> OpenAsync(Digest digest, CancellationToken cancellationToken);

    /// <summary>
    /// Stores a blob: reads the stream, which may not be able to seek, asynchronously and to its end. Content that is already there
    /// may be left as it is or written again: a store that does not check what it has writes it again, because it may be damaged. When
    /// it returns, the blob can be opened; when it throws, nothing was stored.
    /// </summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Corrupt"/>: the stream's content is not what the digest says.
    /// <see cref="ReprErrorCode.Exhausted"/>: there is no space.
    /// <see cref="ReprErrorCode.Unavailable"/>: the store does not answer.
    /// </exception>
    ValueTask PutAsync(Digest digest, Stream content, CancellationToken cancellationToken);
}

/// <summary>A store whose blobs are files of this machine, so that a workspace can show them without a copy.</summary>
public interface ILocalContentStore : IContentStore
{
    /// <summary>Opens the file of a blob, read-only; null when the store lacks it or its file is damaged. The caller disposes the handle.</summary>
    SafeFileHandle? TryOpenFile(Digest digest);

    /// <summary>
    /// Hashes a finished file and takes it into the store, by renaming it where that is possible. The file is gone afterwards.
    /// </summary>
    /// <exception cref="IOException">The file could not be read or moved.</exception>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Exhausted"/>: there is no space.</exception>
    ValueTask<Digest> PutFileAsync(string path, CancellationToken cancellationToken);

    /// <summary>
    /// Keeps blobs from being evicted until the lease is disposed. Digests can be added while it is held; those that are not in
    /// the store yet are kept as soon as they are.
    /// </summary>
    IContentLease Lease();
}

/// <summary>Keeps blobs from being evicted. Safe for concurrent use.</summary>
public interface IContentLease : IDisposable
{
    /// <summary>Adds a digest to those that are kept.</summary>
    void Add(Digest digest);
}
