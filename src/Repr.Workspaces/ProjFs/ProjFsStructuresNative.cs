using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Repr.Workspaces.ProjFs;

// What projectedfslib.h declares, under its names (PRJ_FILE_STATE is PrjFileState) and with its members' names. Each size, offset and
// number is compared with the header in the tests.

/// <summary>PRJ_NOTIFY_*: what the provider wants to hear of; PRJ_NOTIFICATION_*: what happened. The numbers are the same.</summary>
[Flags]
internal enum PrjNotifyTypes : uint
{
    None = 0,
    FileOpened = 0x2,
    NewFileCreated = 0x4,
    FileOverwritten = 0x8,
    PreDelete = 0x10,
    PreRename = 0x20,
    PreSetHardlink = 0x40,
    FileRenamed = 0x80,
    HardlinkCreated = 0x100,
    FileHandleClosedNoModification = 0x200,
    FileHandleClosedFileModified = 0x400,
    FileHandleClosedFileDeleted = 0x800,
    FilePreConvertToFull = 0x1000,
}

/// <summary>PRJ_FILE_STATE_*: what of a file is on the disk.</summary>
[Flags]
internal enum PrjFileState : uint
{
    /// <summary>Not projected, or not looked at.</summary>
    None = 0,

    /// <summary>Its metadata only.</summary>
    Placeholder = 0x1,

    /// <summary>Its content too.</summary>
    HydratedPlaceholder = 0x2,

    /// <summary>With other metadata than the provider's.</summary>
    DirtyPlaceholder = 0x4,

    /// <summary>It is the disk's own: written or created.</summary>
    Full = 0x8,

    /// <summary>Deleted.</summary>
    Tombstone = 0x10,
}

/// <summary>PRJ_CB_DATA_FLAG_*.</summary>
[Flags]
internal enum PrjCallbackDataFlags : uint
{
    EnumRestartScan = 0x1,
    EnumReturnSingleEntry = 0x2,
}

/// <summary>PRJ_FLAG_*.</summary>
[Flags]
internal enum PrjStartvirtualizingFlags : uint
{
    None = 0,
    UseNegativePathCache = 0x1,
}

/// <summary>PRJ_EXT_INFO_TYPE_*.</summary>
internal enum PrjExtInfoType : uint
{
    Symlink = 1,
}

/// <summary>PRJ_COMPLETE_COMMAND_TYPE_*.</summary>
internal enum PrjCompleteCommandType : uint
{
    Notification = 1,
    Enumeration = 2,
}

[InlineArray(128)]
internal struct PrjPlaceholderId
{
    private byte _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PrjPlaceholderVersionInfo
{
    public PrjPlaceholderId ProviderID;
    public PrjPlaceholderId ContentID;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PrjCallbackData
{
    public uint Size;
    public PrjCallbackDataFlags Flags;
    public nint NamespaceVirtualizationContext;
    public int CommandId;
    public Guid FileId;
    public Guid DataStreamId;
    public char* FilePathName;
    public PrjPlaceholderVersionInfo* VersionInfo;
    public uint TriggeringProcessId;
    public char* TriggeringProcessImageFileName;
    public nint InstanceContext;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PrjFileBasicInfo
{
    public byte IsDirectory;
    public long FileSize;
    public long CreationTime;
    public long LastAccessTime;
    public long LastWriteTime;
    public long ChangeTime;
    public uint FileAttributes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PrjPlaceholderInfo
{
    public PrjFileBasicInfo FileBasicInfo;
    public Buffer EaInformation;
    public Buffer SecurityInformation;
    public Buffer StreamsInformation;
    public PrjPlaceholderVersionInfo VersionInfo;
    public byte VariableData; // a struct that ends before it is too short for the library

    /// <summary>Length and offset of optional data; none of them is used.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Buffer
    {
        public uint Length;
        public uint Offset;
    }
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PrjStartvirtualizingOptions
{
    public PrjStartvirtualizingFlags Flags;
    public uint PoolThreadCount;
    public uint ConcurrentThreadCount;
    public PrjNotificationMapping* NotificationMappings;
    public uint NotificationMappingsCount;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PrjNotificationMapping
{
    public PrjNotifyTypes NotificationBitMask;
    public char* NotificationRoot;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PrjExtendedInfo
{
    public PrjExtInfoType InfoType;
    public uint NextInfoOffset;
    public char* Symlink;
}

/// <summary>With the member of its union that is used.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PrjCompleteCommandExtendedParameters
{
    public PrjCompleteCommandType CommandType;
    public nint Enumeration;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PrjCallbacks
{
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, Guid*, int> StartDirectoryEnumerationCallback;
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, Guid*, int> EndDirectoryEnumerationCallback;
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, Guid*, char*, nint, int> GetDirectoryEnumerationCallback;
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, int> GetPlaceholderInfoCallback;
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, ulong, uint, int> GetFileDataCallback;
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, int> QueryFileNameCallback;
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, byte, PrjNotifyTypes, char*, nint, int> NotificationCallback;
    public delegate* unmanaged[Stdcall]<PrjCallbackData*, void> CancelCommandCallback;
}
