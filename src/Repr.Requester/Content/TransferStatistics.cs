namespace Repr.Requester.Content;

/// <summary>What one action moved. Safe for concurrent use.</summary>
internal sealed class TransferStatistics
{
    private int _uploadedFiles;
    private long _uploadedBytes;
    private int _downloadedFiles;
    private long _downloadedBytes;

    /// <summary>Blobs sent.</summary>
    public int UploadedFiles => Volatile.Read(ref _uploadedFiles);

    /// <summary>Their bytes, uncompressed.</summary>
    public long UploadedBytes => Interlocked.Read(ref _uploadedBytes);

    /// <summary>Blobs fetched.</summary>
    public int DownloadedFiles => Volatile.Read(ref _downloadedFiles);

    /// <summary>Their bytes, uncompressed.</summary>
    public long DownloadedBytes => Interlocked.Read(ref _downloadedBytes);

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
