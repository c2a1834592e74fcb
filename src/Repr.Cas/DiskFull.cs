namespace Repr.Cas;

/// <summary>Tells a full disk from other failures of writing.</summary>
internal static class DiskFull
{
    // errno(3): no space, file too large, over quota.
    private const int NoSpace = 28;
    private const int FileTooLarge = 27;
    private const int OverQuota = 122;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Whether the disk, or the user's part of it, is full.</summary>
    public static bool Is(IOException exception) =>
        exception.HResult is NoSpace or FileTooLarge or OverQuota or WindowsDiskFull or WindowsHandleDiskFull;
}
