using System.Collections.Concurrent;

namespace Repr.Requester.Content;

/// <summary>Something that the user should know although the action is right.</summary>
/// <param name="Code">As in "REPR1203".</param>
/// <param name="Message">For a person.</param>
internal readonly record struct Notice(string Code, string Message);

/// <summary>What one action moved. Safe for concurrent use.</summary>
internal sealed class TransferStatistics
{
    private int _uploadedFiles;
    private long _uploadedBytes;
    private int _downloadedFiles;
    private long _downloadedBytes;
    private int _sharedFiles;
    private long _sharedBytes;
    private ConcurrentQueue<Notice>? _notices; // of few actions: an empty queue has room for 32

    /// <summary>Blobs sent to the worker.</summary>
    public int UploadedFiles => Volatile.Read(ref _uploadedFiles);

    /// <summary>Their bytes, uncompressed.</summary>
    public long UploadedBytes => Interlocked.Read(ref _uploadedBytes);

    /// <summary>Blobs fetched.</summary>
    public int DownloadedFiles => Volatile.Read(ref _downloadedFiles);

    /// <summary>Their bytes, uncompressed.</summary>
    public long DownloadedBytes => Interlocked.Read(ref _downloadedBytes);

    /// <summary>Blobs put into the shared store instead.</summary>
    public int SharedFiles => Volatile.Read(ref _sharedFiles);

    /// <summary>Their bytes, uncompressed.</summary>
    public long SharedBytes => Interlocked.Read(ref _sharedBytes);

    /// <summary>What the user should know.</summary>
    public IReadOnlyCollection<Notice> Notices => Volatile.Read(ref _notices) ?? (IReadOnlyCollection<Notice>)[];

    /// <summary>Notes something that the user should know.</summary>
    public void Notice(string code, string message) => LazyInitializer.EnsureInitialized(ref _notices).Enqueue(new Notice(code, message));

    /// <summary>Takes over what another part of the action noted.</summary>
    public void NoticeAll(TransferStatistics other)
    {
        foreach (Notice notice in other.Notices)
        {
            Notice(notice.Code, notice.Message);
        }
    }

    /// <summary>Counts a blob that was put into the shared store.</summary>
    public void Shared(long bytes)
    {
        Interlocked.Increment(ref _sharedFiles);
        Interlocked.Add(ref _sharedBytes, bytes);
    }

    /// <summary>Counts a sent blob.</summary>
    public void Uploaded(long bytes)
    {
        Interlocked.Increment(ref _uploadedFiles);
        Interlocked.Add(ref _uploadedBytes, bytes);
    }

    /// <summary>Counts a fetched blob.</summary>
    public void Downloaded(long bytes)
    {
        Interlocked.Increment(ref _downloadedFiles);
        Interlocked.Add(ref _downloadedBytes, bytes);
    }
}
