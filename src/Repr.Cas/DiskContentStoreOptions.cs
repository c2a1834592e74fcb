namespace Repr.Cas;

/// <summary>Where a <see cref="DiskContentStore"/> lies and how much it may hold.</summary>
public sealed record DiskContentStoreOptions
{
    /// <summary>The store's own directory; made when it is absent. One process at a time uses it.</summary>
    public required string Path { get; init; }

    /// <summary>Bound on the space of all blobs, each counted in whole blocks of 4 KiB.</summary>
    public long MaximumBytes { get; init; } = 50L << 30;

    /// <summary>
    /// Whether each blob is flushed to the device before it counts as stored. Not needed for correctness: a cache may forget, and
    /// what a crash of the machine may have damaged is checked at the next start.
    /// </summary>
    public bool Durable { get; init; }

    /// <summary>How long a blob that was found intact is handed out without being hashed again.</summary>
    public TimeSpan TrustedFor { get; init; } = TimeSpan.FromHours(4);
}
