namespace Repr.Protocol;

// Of the result cache.
public static partial class WireConversions
{
    /// <summary>Writes what the result cache may do.</summary>
    public static V1.CacheMode ToWire(this ResultCaching caching) => (V1.CacheMode)caching;

    /// <summary>Reads what the result cache may do; unset and unknown values mean that it does nothing.</summary>
    public static ResultCaching ToCore(this V1.CacheMode mode) => Enum.IsDefined((ResultCaching)mode) ? (ResultCaching)mode : ResultCaching.Off;

    private static void AddCaching(this V1.Completed wire, ActionResult result)
    {
        if (result.Cached is { } cached)
        {
            wire.Cached = new V1.CachedRun
            {
                WorkerId = cached.WorkerId,
                EndedUnixMs = cached.Ended.ToUnixTimeMilliseconds(),
                ToolMs = cached.ToolMs,
            };
        }

        wire.IsKnown = result.IsKnown;
        wire.CacheMiss = result.CacheMiss ?? "";
        wire.NotRepeatable.AddRange(result.NotRepeatable);
    }

    // A time that is none is of no use, but does no harm either.
    private static CachedRun ToCore(this V1.CachedRun cached) => new(
        cached.WorkerId,
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(cached.EndedUnixMs, 0, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())),
        cached.ToolMs);
}
