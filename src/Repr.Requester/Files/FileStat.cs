using Repr.Requester.Placeholders;

namespace Repr.Requester.Files;

/// <summary>What lstat(2) says about one path: enough to tell two versions of a file apart. Immutable.</summary>
/// <param name="Device">Device number, major in the upper half.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="RawMode">Type and permission bits, st_mode.</param>
/// <param name="SizeBytes">Length in bytes.</param>
/// <param name="ModifiedNs">Last change of the content, nanoseconds since 1970 UTC.</param>
/// <param name="ChangedNs">Last change of the inode (ctime), nanoseconds since 1970 UTC. Cannot be forged with utime(2).</param>
/// <param name="UserId">The owner.</param>
/// <param name="Links">Number of hard links.</param>
internal readonly record struct FileStat(
    ulong Device, ulong Inode, int RawMode, long SizeBytes, long ModifiedNs, long ChangedNs, uint UserId, uint Links)
{
    private const int TypeMask = 0xF000;

    /// <summary>Of a placeholder, its content; null: the content is on the disk.</summary>
    public PlaceholderContent? Content { get; init; }

    /// <summary>Permission bits, 0o7777.</summary>
    public int Mode => RawMode & 0xFFF;

    /// <summary>True for a regular file.</summary>
    public bool IsFile => (RawMode & TypeMask) == 0x8000;

    /// <summary>True for a directory.</summary>
    public bool IsDirectory => (RawMode & TypeMask) == 0x4000;

    /// <summary>True for a symbolic link.</summary>
    public bool IsSymlink => (RawMode & TypeMask) == 0xA000;
}
