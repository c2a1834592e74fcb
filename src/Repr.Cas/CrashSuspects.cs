namespace Repr.Cas;

/// <summary>Chooses the blobs that a crash of the machine may have damaged. Pure.</summary>
internal static class CrashSuspects
{
    // Linux writes dirty pages back after 30 s; twice that is what a crash may have taken.
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(60);

    /// <summary>Those of the blobs that were written shortly before the crash, or may have been.</summary>
    /// <param name="blobs">All blobs, the least recently used first.</param>
    /// <param name="now">Later than the crash.</param>
    public static IReadOnlyList<Digest> Among(IReadOnlyList<(Digest Digest, DateTime LastUse)> blobs, DateTime now)
    {
        // The crash was not before the last use that reached the disk. Times in the future prove nothing.
        DateTime crash = blobs.Where(blob => blob.LastUse <= now).Select(static blob => blob.LastUse).LastOrDefault(now);
        return [.. blobs.Where(blob => blob.LastUse >= crash - Window).Select(static blob => blob.Digest)];
    }
}
