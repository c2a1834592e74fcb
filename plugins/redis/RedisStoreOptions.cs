using System.ComponentModel.DataAnnotations;
using Repr.Cas.Far;

namespace Repr.Cas.Redis;

/// <summary>Options of <see cref="RedisPlugin"/>.</summary>
public sealed class RedisStoreOptions() : FarStoreOptions("repr:")
{
    /// <summary>
    /// The servers, and how they are reached, in the form of StackExchange.Redis: <c>redis-1:6379,redis-2:6379,ssl=true,user=repr</c>.
    /// A Redis Cluster and Sentinel work too.
    /// </summary>
    [Required]
    public string Servers { get; set; } = string.Empty;

    /// <summary>The password; null: none, or the one in <see cref="Servers"/>.</summary>
    public string? Password { get; set; }

    /// <summary>
    /// How long a blob is kept that nobody asks for; each question whether it is there begins it anew. Null: until the server evicts
    /// it, which needs a <c>maxmemory-policy</c> such as <c>allkeys-lru</c>.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:10", "3650.00:00:00", ErrorMessage = "must lie between 00:00:10 and 3650.00:00:00.")]
    public TimeSpan? TimeToLive { get; set; }

    /// <summary>Blobs that are longer are refused, in bytes: they cost memory of the server, and belong into a store behind it.</summary>
    [Range(1024L, 1L << 40)]
    public long MaxBlobBytes { get; set; } = 64 << 20;
}
