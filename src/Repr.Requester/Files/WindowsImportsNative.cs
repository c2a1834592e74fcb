using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Files;

// The functions and their structures, as ntifs.h and fileapi.h have them.
internal static partial class WindowsNative
{
    [LibraryImport("ntdll")]
    private static unsafe partial int NtCreateFile(
        out nint handle, uint access, ObjectAttributes* attributes, out IoStatus status, long* allocation, uint fileAttributes, uint share,
        uint disposition, uint options, nint extendedAttributes, uint extendedLength);

    [LibraryImport("ntdll")]
    private static unsafe partial int NtQueryDirectoryFile(
        SafeFileHandle file, nint handle, nint routine, nint context, out IoStatus status, byte* information, int length, int kind,
        [MarshalAs(UnmanagedType.U1)] bool single, UnicodeString* mask, [MarshalAs(UnmanagedType.U1)] bool restart);

    [LibraryImport("ntdll")]
    private static unsafe partial int NtSetInformationFile(SafeFileHandle file, out IoStatus status, byte* information, int length, int kind);

    [LibraryImport("ntdll")]
    private static partial int RtlNtStatusToDosError(int status);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetFileInformationByHandle(SafeFileHandle file, out ByHandleInformation information);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetFileInformationByHandleEx(SafeFileHandle file, int kind, out BasicInformation information, int size);

    [LibraryImport("kernel32", EntryPoint = "GetFileInformationByHandleEx", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetFileId(SafeFileHandle file, int kind, out FileId information, int size);

    [LibraryImport("kernel32", EntryPoint = "GetFileInformationByHandleEx", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetTag(SafeFileHandle file, int kind, out AttributeTag information, int size);

    [LibraryImport("kernel32", EntryPoint = "GetFileInformationByHandleEx", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static unsafe partial bool GetRemote(SafeFileHandle file, int kind, byte* information, int size);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static unsafe partial bool GetVolumeInformationByHandleW(
        SafeFileHandle file, char* name, int nameLength, uint* serial, uint* componentLength, uint* flags, char* system, int systemLength);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static unsafe partial bool DeviceIoControl(
        SafeFileHandle file, uint code, nint input, int inputLength, byte* output, int outputLength, out int returned, nint overlapped);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool PeekNamedPipe(SafePipeHandle pipe, nint buffer, int size, nint read, nint available, nint left);

    private unsafe struct UnicodeString
    {
        public ushort Length;
        public ushort MaximumLength;
        public char* Buffer;
    }

    private unsafe struct ObjectAttributes
    {
        public int Length;
        public nint RootDirectory;
        public UnicodeString* ObjectName;
        public uint Attributes;
        public nint SecurityDescriptor;
        public nint SecurityQualityOfService;
    }

    private struct IoStatus
    {
        public nint Status;
        public nint Information;
    }

    // BY_HANDLE_FILE_INFORMATION
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct ByHandleInformation
    {
        public uint Attributes;
        public long CreationTime;
        public long LastAccessTime;
        public long LastWriteTime;
        public uint VolumeSerialNumber;
        public uint SizeHigh;
        public uint SizeLow;
        public uint Links;
        public uint IndexHigh;
        public uint IndexLow;
    }

    // FILE_BASIC_INFO
    private struct BasicInformation
    {
        public long CreationTime;
        public long LastAccessTime;
        public long LastWriteTime;
        public long ChangeTime;
        public uint Attributes;
        public uint Reserved;
    }

    // FILE_ID_INFO
    private struct FileId
    {
        public ulong VolumeSerialNumber;
        public ulong Low;
        public ulong High;
    }

    // FILE_ATTRIBUTE_TAG_INFO
    private struct AttributeTag
    {
        public uint Attributes;
        public uint Tag;
    }
}
