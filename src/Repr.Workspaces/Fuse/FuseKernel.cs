namespace Repr.Workspaces.Fuse;

/// <summary>What the kernel of this machine does right.</summary>
internal static class FuseKernel
{
    /// <summary>
    /// Whether files may be opened without a message, and pieces of them be told beforehand. Two defects of the kernel stand against it, which are mended in these versions:
    /// "fuse: fix readahead reclaim deadlock" (January 2026), and what lies behind the end of a file in a page that was told (CVE-2024-44947).
    /// </summary>
    public static bool OpensSilently { get; } = IsGoodAtOpening(Environment.OSVersion.Version);

    /// <summary>The same of a version, as in "6.12.66".</summary>
    internal static bool IsGoodAtOpening(Version kernel) =>
        kernel >= new Version(6, 19)
        || (kernel is { Major: 6, Minor: 18 } && kernel.Build >= 6)
        || (kernel is { Major: 6, Minor: 12 } && kernel.Build >= 66);
}
