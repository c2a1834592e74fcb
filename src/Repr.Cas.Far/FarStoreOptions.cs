using System.ComponentModel.DataAnnotations;

namespace Repr.Cas.Far;

/// <summary>What stores on other machines do with content before it travels.</summary>
public enum BlobCompression
{
    /// <summary>Content is sent and kept as it is.</summary>
    None,

    /// <summary>Content is sent and kept as zstd (RFC 8878) where that saves a tenth or more.</summary>
    Zstd,
}

/// <summary>Options that all stores on other machines have.</summary>
public abstract class FarStoreOptions
{
    /// <summary>Makes options with their defaults.</summary>
    protected FarStoreOptions(string keyPrefix) => KeyPrefix = keyPrefix;

    /// <summary>What the names of blobs begin with, so that a server can be shared. All who share blobs have the same.</summary>
    [RegularExpression("[A-Za-z0-9_./:-]*", ErrorMessage = "may have letters, digits and _ . / : - only.")]
    [StringLength(200)]
    public string KeyPrefix { get; set; }

    /// <summary>
    /// Whether content is compressed. It pays where the network gives less than about 300 MB/s for each core that may be spent on it.
    /// What others have put is read either way.
    /// </summary>
    [EnumDataType(typeof(BlobCompression))]
    public BlobCompression Compression { get; set; }

    /// <summary>The longest wait for one answer of the server, before the request is tried again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1000000", "01:00:00", ErrorMessage = "must lie between 00:00:00.1 and 01:00:00.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How often a request that failed is tried again before the store counts as unavailable.</summary>
    [Range(0, 10)]
    public int MaxRetries { get; set; } = 3;

    /// <summary>The name of a blob.</summary>
    public string KeyOf(Digest digest) => string.Create(null, $"{KeyPrefix}{digest.HashText}-{digest.SizeBytes}");
}
