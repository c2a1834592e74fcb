using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Content;

/// <summary>A blob and the new, empty file that shall have its content.</summary>
/// <param name="Digest">What the content must be.</param>
/// <param name="File">Open for writing; stays open.</param>
internal readonly record struct Download(Digest Digest, SafeFileHandle File);

/// <summary>Where the content of an action's outputs is. Safe for concurrent use.</summary>
internal interface IOutputSource
{
    /// <summary>The worker whose store keeps the content of placeholders; null: there may be none.</summary>
    Uri? Worker { get; }

    /// <summary>Fetches blobs. When it returns, each file has exactly the content of its digest.</summary>
    /// <exception cref="ReprException">
    /// <see cref="ReprErrorCode.Corrupt"/>: a blob is missing or is not what its digest says. Else what the store reports.
    /// </exception>
    Task FetchAsync(IReadOnlyList<Download> downloads, TransferStatistics statistics, CancellationToken cancellationToken);

    /// <summary>Is told that an output with this content is in its place.</summary>
    void NoteWritten(Digest digest);
}

/// <summary>The outputs of a run on a worker: what has come from there need not be sent there.</summary>
/// <param name="downloader">Fetches.</param>
/// <param name="uploader">Is told.</param>
internal sealed class WorkerOutputs(ContentDownloader downloader, ContentUploader uploader) : IOutputSource
{
    /// <inheritdoc/>
    public Uri Worker => downloader.Endpoint;

    /// <inheritdoc/>
    public Task FetchAsync(IReadOnlyList<Download> downloads, TransferStatistics statistics, CancellationToken cancellationToken) =>
        downloader.FetchAsync(downloads, statistics, cancellationToken);

    /// <inheritdoc/>
    public void NoteWritten(Digest digest) => uploader.MarkPresent(digest);
}

/// <summary>Content that lies in a store which this process can open.</summary>
/// <param name="store">The store.</param>
internal sealed class StoredOutputs(IContentStore store) : IOutputSource
{
    private const int CopyBytes = 1 << 16;
    private const int SmallBytes = 1 << 20;

    /// <inheritdoc/>
    public Uri? Worker => null;

    /// <inheritdoc/>
    public async Task FetchAsync(IReadOnlyList<Download> downloads, TransferStatistics statistics, CancellationToken cancellationToken)
    {
        foreach (Download download in downloads.Where(static download => download.Digest.SizeBytes > 0))
        {
            if (!await TryTakeAsync(download, cancellationToken))
            {
                throw new ReprException(ReprErrorCode.Corrupt, $"The blob {download.Digest} is not kept any more.");
            }
        }
    }

    /// <inheritdoc/>
    public void NoteWritten(Digest digest)
    {
        // The store had it before.
    }

    /// <summary>Copies one blob.</summary>
    /// <returns>False: it is not there, damaged, or can't be read; the file is empty.</returns>
    /// <exception cref="ReprException">What the store reports.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    public async Task<bool> TryTakeAsync(Download download, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            await using Stream? content = await TryReadAsync(() => store.OpenAsync(download.Digest, cancellationToken));
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long offset = 0;
            for (int read; content is not null && (read = await TryReadAsync(() => ReadAsync(content, download.Digest, buffer, cancellationToken))) > 0; offset += read)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
                RandomAccess.Write(download.File, buffer.AsSpan(0, read), offset); // to wake a thread that writes takes longer
            }

            if (offset == download.Digest.SizeBytes && Digest.Finish(hash, offset) == download.Digest)
            {
                return true;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        RandomAccess.SetLength(download.File, 0);
        return false;
    }

    // As with writing, where the content is a small file here.
    private static ValueTask<int> ReadAsync(Stream content, Digest digest, byte[] buffer, CancellationToken cancellationToken) =>
        content is FileStream file && digest.SizeBytes <= SmallBytes ? ValueTask.FromResult(file.Read(buffer)) : content.ReadAsync(buffer, cancellationToken);

    // What can't be read here can be had elsewhere; what can't be written can't.
    private static async ValueTask<T?> TryReadAsync<T>(Func<ValueTask<T?>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
