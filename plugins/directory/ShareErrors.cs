namespace Repr.Cas.Directory;

/// <summary>What a failed call on a network file system means. The numbers are errno of Linux and error codes of Windows.</summary>
internal static class ShareErrors
{
    private const int WindowsFacility = unchecked((int)0x80070000);

    // EINTR, EIO, EAGAIN, ENOLINK, ETIMEDOUT, EHOSTUNREACH, ESTALE, EREMOTEIO
    private static readonly HashSet<int> TransientUnix = [4, 5, 11, 67, 110, 113, 116, 121];

    // SHARING_VIOLATION, LOCK_VIOLATION, BAD_NETPATH, NETWORK_BUSY, UNEXP_NET_ERR, NETNAME_DELETED, SEM_TIMEOUT
    private static readonly HashSet<int> TransientWindows = [32, 33, 53, 54, 59, 64, 121];

    // ENOSPC, EDQUOT; HANDLE_DISK_FULL, DISK_FULL, DISK_QUOTA_EXCEEDED
    private static readonly HashSet<int> FullUnix = [28, 122];
    private static readonly HashSet<int> FullWindows = [39, 112, 1295];

    /// <summary>True when the same call may succeed a moment later: a handle went stale, the server was busy, somebody had the file open.</summary>
    public static bool IsTransient(IOException failure) => Has(failure, TransientUnix, TransientWindows);

    /// <summary>True when there is no space, or no quota.</summary>
    public static bool IsFull(IOException failure) => Has(failure, FullUnix, FullWindows);

    private static bool Has(IOException failure, HashSet<int> unix, HashSet<int> windows) => OperatingSystem.IsWindows()
        ? (failure.HResult & 0xFFFF0000) == WindowsFacility && windows.Contains(failure.HResult & 0xFFFF)
        : unix.Contains(failure.HResult);
}
