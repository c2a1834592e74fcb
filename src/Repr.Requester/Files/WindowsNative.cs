using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Requester.Files;

/// <summary>
/// The Windows calls that the base library does not offer: opening by name in an open directory without following a link
/// (NtCreateFile with OBJ_DONT_REPARSE), what identifies a file, the file system's spelling of a name, and replacing a name at once. Works
/// with native names ("C:\x", "x\y"); length is no limit. Safe for concurrent use. Failures are <see cref="IOException"/> with the
/// system's text, <see cref="UnauthorizedAccessException"/> when access is denied.
/// </summary>
internal static partial class WindowsNative
{
    /// <summary>FILE_READ_ATTRIBUTES.</summary>
    public const uint ReadAttributes = 0x80;

    /// <summary>FILE_LIST_DIRECTORY, or FILE_READ_DATA.</summary>
    public const uint ReadData = 0x1;

    /// <summary>FILE_ADD_FILE and FILE_ADD_SUBDIRECTORY.</summary>
    public const uint AddEntries = 0x2 | 0x4;

    /// <summary>GENERIC_READ | GENERIC_WRITE.</summary>
    public const uint ReadWrite = 0xC0000000;

    /// <summary>DELETE: to rename or remove.</summary>
    public const uint Delete = 0x10000;

    private const uint Synchronize = 0x100000;
    private const uint ShareAll = 7;
    private const uint CaseInsensitive = 0x40;
    private const uint DontReparse = 0x1000;
    private const int DirectoryInformation = 37; // FileIdBothDirectoryInformation
    private const int RenameInformation = 10;
    private const int RenameInformationEx = 65;
    private const int DispositionInformation = 13;
    private const int DispositionInformationEx = 64;
    private const int NameOffset = 104; // of FileName in FILE_ID_BOTH_DIR_INFORMATION
    private const uint GetReparsePointCode = 0x900A8;

    private const int NoMoreFiles = unchecked((int)0x80000006);
    private const int NoSuchFile = unchecked((int)0xC000000F);
    private const int NameInvalid = unchecked((int)0xC0000033);
    private const int NameNotFound = unchecked((int)0xC0000034);
    private const int PathNotFound = unchecked((int)0xC000003A);
    private const int DeletePending = unchecked((int)0xC0000056);
    private const int AccessDenied = unchecked((int)0xC0000022);
    private const int NotADirectory = unchecked((int)0xC0000103);
    private const int InvalidInfoClass = unchecked((int)0xC0000003);
    private const int NotImplemented = unchecked((int)0xC0000002);
    private const int InvalidParameter = unchecked((int)0xC000000D);
    private const int NotSupported = unchecked((int)0xC00000BB);

    /// <summary>What is done with a name that is there, or is not (CreateDisposition).</summary>
    internal enum Disposition
    {
        /// <summary>FILE_OPEN.</summary>
        Open = 1,

        /// <summary>FILE_CREATE: an existing name is an error.</summary>
        Create = 2,

        /// <summary>FILE_OPEN_IF.</summary>
        OpenOrCreate = 3,
    }

    /// <summary>How a name is opened (CreateOptions).</summary>
    [Flags]
    internal enum Options
    {
        /// <summary>Only for synchronous use, and whatever it is.</summary>
        None = 0,

        /// <summary>FILE_DIRECTORY_FILE.</summary>
        Directory = 0x1,

        /// <summary>FILE_NON_DIRECTORY_FILE.</summary>
        File = 0x40,

        /// <summary>FILE_OPEN_REPARSE_POINT: a link itself.</summary>
        LinkItself = 0x200000,
    }

    /// <summary>Opens the root of a drive ("C:"), following what the drive letter stands for; null when there is none.</summary>
    public static SafeFileHandle? TryOpenDrive(string drive) =>
        TryOpen(0, $@"\??\{drive}\", 0, ReadAttributes | ReadData, Disposition.Open, Options.Directory);

    /// <summary>Opens a name in an open directory; no link on the way is followed. Null when there is nothing.</summary>
    public static SafeFileHandle? TryOpen(SafeFileHandle directory, string name, uint access, Disposition disposition, Options options)
    {
        using HandleScope scope = new(directory);
        return TryOpen(scope.Handle, name, DontReparse, access, disposition, options);
    }

    /// <summary>What is known of an open file.</summary>
    public static FileStat Stat(SafeFileHandle handle)
    {
        if (!GetFileInformationByHandle(handle, out ByHandleInformation file)
            || !GetFileInformationByHandleEx(handle, 0, out BasicInformation basic, Marshal.SizeOf<BasicInformation>()))
        {
            throw Failure("read the attributes of", "an open file");
        }

        // ReFS has numbers of 128 bits.
        ulong number = GetFileId(handle, 18, out FileId id, Marshal.SizeOf<FileId>())
            ? id.Low ^ (id.High << 32 | id.High >> 32)
            : ((ulong)file.IndexHigh << 32) | file.IndexLow;
        bool isLink = (basic.Attributes & (uint)FileAttributes.ReparsePoint) != 0
            && GetTag(handle, 9, out AttributeTag tag, Marshal.SizeOf<AttributeTag>())
            && (tag.Tag & 0x20000000) != 0; // name surrogate: symbolic link, junction, mount point
        bool isDirectory = (basic.Attributes & (uint)FileAttributes.Directory) != 0;
        int permissions = (basic.Attributes & (uint)FileAttributes.ReadOnly) != 0 && !isDirectory ? 0x16D : 0x1ED; // 0o555, 0o755
        return new FileStat(
            file.VolumeSerialNumber,
            number,
            (isLink ? 0xA000 : isDirectory ? 0x4000 : 0x8000) | permissions,
            isDirectory ? 0 : ((long)file.SizeHigh << 32) | file.SizeLow,
            ToUnixNanoseconds(basic.LastWriteTime),
            ToUnixNanoseconds(basic.ChangeTime),
            0,
            file.Links);
    }

    /// <summary>The target of an open link, as it stands in it: "C:\x", "..\x", or "\??\Volume{...}\" for a mount point.</summary>
    public static unsafe string ReadLink(SafeFileHandle handle)
    {
        const uint SymbolicLink = 0xA000000C;
        const uint MountPoint = 0xA0000003;
        byte[] buffer = new byte[1 << 14]; // MAXIMUM_REPARSE_DATA_BUFFER_SIZE
        fixed (byte* start = buffer)
        {
            uint tag = DeviceIoControl(handle, GetReparsePointCode, 0, 0, start, buffer.Length, out int length, 0) && length > 16
                ? BitConverter.ToUInt32(buffer)
                : throw Failure("read", "a link");
            if (tag is not (SymbolicLink or MountPoint))
            {
                throw new IOException($"A reparse point with the tag 0x{tag:X8} is no link that can be followed.");
            }

            int names = tag == SymbolicLink ? 20 : 16;
            int offset = BitConverter.ToUInt16(buffer, 8);
            string target = new((char*)(start + names + offset), 0, BitConverter.ToUInt16(buffer, 10) / sizeof(char));
            return target.StartsWith(@"\??\", StringComparison.Ordinal) && target.Length > 5 && target[5] == ':' ? target[4..] : target;
        }
    }

    /// <summary>All names in an open directory but "." and "..".</summary>
    public static IEnumerable<string> List(SafeFileHandle directory)
    {
        byte[] buffer = new byte[1 << 16];
        for (bool isFirst = true; Query(directory, null, buffer, isFirst, single: false); isFirst = false)
        {
            foreach (string name in ReadNames(buffer))
            {
                if (name is not ("." or ".."))
                {
                    yield return name;
                }
            }
        }
    }

    /// <summary>How the file system spells a name in an open directory (a short name is made long); null when there is none.</summary>
    public static string? FindSpelling(SafeFileHandle directory, string name)
    {
        byte[] buffer = new byte[2048];
        return Query(directory, name, buffer, restart: true, single: true) ? ReadNames(buffer).First() : null;
    }

    /// <summary>Gives an open file (with <see cref="Delete"/>) a name in an open directory at once; a file that had it is gone then.</summary>
    public static unsafe void Rename(SafeFileHandle file, SafeFileHandle directory, string name)
    {
        using HandleScope target = new(directory);
        byte[] buffer = new byte[20 + (name.Length * sizeof(char)) + sizeof(char)];
        BitConverter.TryWriteBytes(buffer.AsSpan(8), (long)target.Handle);
        BitConverter.TryWriteBytes(buffer.AsSpan(16), name.Length * sizeof(char));
        MemoryMarshal.AsBytes(name.AsSpan()).CopyTo(buffer.AsSpan(20));
        fixed (byte* start = buffer)
        {
            buffer[0] = 0x1 | 0x2 | 0x40; // replace if it exists, also while it is open or read-only (Windows 10 1809, NTFS)
            int status = NtSetInformationFile(file, out _, start, buffer.Length, RenameInformationEx);
            if (IsUnknown(status))
            {
                buffer[0] = 1;
                status = NtSetInformationFile(file, out _, start, buffer.Length, RenameInformation);
            }

            ThrowIfFailed(status, "replace", name);
        }
    }

    /// <summary>Removes the name of an open file (with <see cref="Delete"/>) or empty directory.</summary>
    public static unsafe void Remove(SafeFileHandle file, string name)
    {
        uint flags = 0x1 | 0x2 | 0x10; // delete, at once, read-only too
        int status = NtSetInformationFile(file, out _, (byte*)&flags, sizeof(uint), DispositionInformationEx);
        if (IsUnknown(status))
        {
            byte delete = 1;
            status = NtSetInformationFile(file, out _, &delete, 1, DispositionInformation);
        }

        ThrowIfFailed(status, "remove", name);
    }

    /// <summary>Whether a file lies on a volume of this machine that keeps the time of each change (NTFS, ReFS).</summary>
    public static unsafe bool IsLocalWithChangeTimes(SafeFileHandle handle)
    {
        byte* remote = stackalloc byte[180]; // FILE_REMOTE_PROTOCOL_INFO
        char* system = stackalloc char[64];
        return !GetRemote(handle, 13, remote, 180)
            && GetVolumeInformationByHandleW(handle, null, 0, null, null, null, system, 64)
            && new string(system) is "NTFS" or "ReFS";
    }

    /// <summary>Whether the other side of a connected pipe is gone.</summary>
    public static bool HasHungUp(SafePipeHandle pipe) => !PeekNamedPipe(pipe, 0, 0, 0, 0, 0);

    private static unsafe SafeFileHandle? TryOpen(
        nint directory, string name, uint attributes, uint access, Disposition disposition, Options options)
    {
        const uint SynchronousNonAlert = 0x20;
        const uint BackupIntent = 0x4000;
        fixed (char* text = name)
        {
            UnicodeString path = new() { Length = (ushort)(name.Length * sizeof(char)), MaximumLength = (ushort)(name.Length * sizeof(char)), Buffer = text };
            ObjectAttributes target = new()
            {
                Length = sizeof(ObjectAttributes),
                RootDirectory = directory,
                ObjectName = &path,
                Attributes = CaseInsensitive | attributes,
            };
            int status = NtCreateFile(
                out nint handle, access | ReadAttributes | Synchronize, &target, out _, null, 0x80, ShareAll, (uint)disposition,
                (uint)options | SynchronousNonAlert | BackupIntent, 0, 0);
            if (status is NameNotFound or PathNotFound or NotADirectory or NameInvalid or NoSuchFile or DeletePending)
            {
                return null;
            }

            ThrowIfFailed(status, "open", name);
            return new SafeFileHandle(handle, ownsHandle: true);
        }
    }

    private static unsafe bool Query(SafeFileHandle directory, string? name, byte[] buffer, bool restart, bool single)
    {
        fixed (char* text = name)
        fixed (byte* start = buffer)
        {
            ushort length = (ushort)((name?.Length ?? 0) * sizeof(char));
            UnicodeString mask = new() { Length = length, MaximumLength = length, Buffer = text };
            int status = NtQueryDirectoryFile(
                directory, 0, 0, 0, out _, start, buffer.Length, DirectoryInformation, single, name is null ? null : &mask, restart);
            if (status is NoMoreFiles or NoSuchFile)
            {
                return false;
            }

            ThrowIfFailed(status, "list", name ?? "a directory");
            return true;
        }
    }

    private static List<string> ReadNames(byte[] buffer)
    {
        List<string> names = [];
        for (int offset = 0, next = -1; next != 0; offset += next)
        {
            next = BitConverter.ToInt32(buffer, offset);
            int length = BitConverter.ToInt32(buffer, offset + 60);
            names.Add(new string(MemoryMarshal.Cast<byte, char>(buffer.AsSpan(offset + NameOffset, length))));
        }

        return names;
    }

    private static bool IsUnknown(int status) => status is InvalidInfoClass or NotImplemented or InvalidParameter or NotSupported;

    private static void ThrowIfFailed(int status, string what, string name)
    {
        if (status < 0)
        {
            string message = $"Could not {what} '{name}': {new Win32Exception(RtlNtStatusToDosError(status)).Message.TrimEnd('.')} (0x{status:X8}).";
            throw status == AccessDenied ? new UnauthorizedAccessException(message) : new IOException(message);
        }
    }

    private static IOException Failure(string what, string name) =>
        new($"Could not {what} '{name}': {new Win32Exception(Marshal.GetLastPInvokeError()).Message}.");

    private static long ToUnixNanoseconds(long fileTime) => (fileTime - 116_444_736_000_000_000) * 100;

    private readonly ref struct HandleScope : IDisposable
    {
        private readonly SafeHandle _handle;

        public HandleScope(SafeHandle handle)
        {
            bool added = false;
            handle.DangerousAddRef(ref added);
            _handle = handle;
            Handle = handle.DangerousGetHandle();
        }

        public nint Handle { get; }

        public void Dispose() => _handle.DangerousRelease();
    }
}
