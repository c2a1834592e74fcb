using System.Runtime.InteropServices;

namespace Repr.Workspaces.Fuse;

// The messages of /dev/fuse, protocol 7.x, as in the kernel's include/uapi/linux/fuse.h: same order, same sizes.

/// <summary>Operations of the protocol that are answered; all others get "not implemented".</summary>
internal enum FuseOperation : uint
{
    Lookup = 1,
    Forget = 2,
    GetAttributes = 3,
    ReadLink = 5,
    Open = 14,
    Read = 15,
    StatFileSystem = 17,
    Release = 18,
    Initialize = 26,
    OpenDirectory = 27,
    ReadDirectory = 28,
    ReleaseDirectory = 29,
    Interrupt = 36,
    Destroy = 38,
    BatchForget = 42,
    ReadDirectoryPlus = 44,
}

/// <summary>Features, negotiated in INIT.</summary>
[Flags]
internal enum FuseFeatures : ulong
{
    AsyncRead = 1 << 0,
    ReadDirectoryPlus = 1 << 13,
    ReadDirectoryPlusAuto = 1 << 14,
    ParallelDirectoryOperations = 1 << 18,
    MaxPages = 1 << 22,
    CacheSymlinks = 1 << 23,
    NoOpenDirectory = 1 << 24,
    ExplicitInvalidation = 1 << 25,
    Extended = 1 << 30,
    Passthrough = 1UL << 37,
    NoExport = 1UL << 38,
}

/// <summary>Messages to the kernel that answer nothing: in the place of an error, with 0 for the request.</summary>
internal static class FuseNotification
{
    /// <summary>A piece of a file's content, for the kernel's cache.</summary>
    public const int Store = 4;
}

/// <summary>Flags of the answer to OPEN.</summary>
[Flags]
internal enum FuseOpenFlags : uint
{
    None = 0,
    KeepCache = 1 << 1,
    NoFlush = 1 << 5,
    Passthrough = 1 << 7,
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseInHeader
{
    public uint Length;
    public FuseOperation Operation;
    public ulong Unique;
    public ulong NodeId;
    public uint UserId;
    public uint GroupId;
    public uint ProcessId;
    public uint Extension;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseOutHeader
{
    public uint Length;
    public int Error;
    public ulong Unique;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributes
{
    public ulong Inode;
    public ulong Size;
    public ulong Blocks;
    public long AccessTime;
    public long ModifyTime;
    public long ChangeTime;
    public uint AccessTimeNs;
    public uint ModifyTimeNs;
    public uint ChangeTimeNs;
    public uint Mode;
    public uint LinkCount;
    public uint UserId;
    public uint GroupId;
    public uint Device;
    public uint BlockSize;
    public uint Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseEntryOut
{
    public ulong NodeId;
    public ulong Generation;
    public ulong EntryValid;
    public ulong AttributesValid;
    public uint EntryValidNs;
    public uint AttributesValidNs;
    public FuseAttributes Attributes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributesOut
{
    public ulong AttributesValid;
    public uint AttributesValidNs;
    public uint Padding;
    public FuseAttributes Attributes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseOpenOut
{
    public ulong Handle;
    public FuseOpenFlags Flags;
    public int BackingId;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseReadIn
{
    public ulong Handle;
    public ulong Offset;
    public uint Size;
    public uint ReadFlags;
    public ulong LockOwner;
    public uint Flags;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseNotifyStoreOut
{
    public ulong NodeId;
    public ulong Offset;
    public uint Size;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseForgetOne
{
    public ulong NodeId;
    public ulong Lookups;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseBatchForgetIn
{
    public uint Count;
    public uint Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseInitIn
{
    public uint Major;
    public uint Minor;
    public uint MaxReadAhead;
    public uint Flags;
    public uint Flags2;
}

[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FuseInitOut
{
    public uint Major;
    public uint Minor;
    public uint MaxReadAhead;
    public uint Flags;
    public ushort MaxBackground;
    public ushort CongestionThreshold;
    public uint MaxWrite;
    public uint TimeGranularity;
    public ushort MaxPages;
    public ushort MapAlignment;
    public uint Flags2;
    public uint MaxStackDepth;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseDirectoryEntry
{
    public ulong Inode;
    public ulong NextOffset;
    public uint NameLength;
    public uint Type;
}

[StructLayout(LayoutKind.Sequential, Size = 80)]
internal struct FuseStatFs
{
    public ulong Blocks;
    public ulong FreeBlocks;
    public ulong AvailableBlocks;
    public ulong Files;
    public ulong FreeFiles;
    public uint BlockSize;
    public uint NameLength;
    public uint FragmentSize;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseBackingMap
{
    public int Descriptor;
    public uint Flags;
    public ulong Padding;
}
