using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>Processes and what they may do: kernel32.dll, advapi32.dll (processthreadsapi.h, securitybaseapi.h).</summary>
internal static unsafe partial class ProcessNative
{
    public const uint CreateSuspended = 0x4;
    public const uint UnicodeEnvironment = 0x400;
    public const uint ExtendedStartup = 0x80000;
    public const uint NoWindow = 0x08000000;
    public const uint UseStandardHandles = 0x100;
    public const nuint HandleList = 0x20002;
    public const uint DisableMaximumPrivileges = 0x1;
    public const uint MaximumAllowed = 0x02000000;

    [LibraryImport("advapi32", EntryPoint = "CreateProcessAsUserW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool CreateAs(
        SafeAccessTokenHandle token,
        char* program,
        char* line,
        void* process,
        void* thread,
        int inherit,
        uint flags,
        char* environment,
        char* directory,
        Startup* startup,
        Created* created);

    [LibraryImport("kernel32", EntryPoint = "InitializeProcThreadAttributeList", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool InitializeAttributes(byte* list, uint count, uint flags, nuint* size);

    [LibraryImport("kernel32", EntryPoint = "UpdateProcThreadAttribute", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool UpdateAttribute(byte* list, uint flags, nuint attribute, void* value, nuint size, void* previous, nuint* returned);

    [LibraryImport("kernel32", EntryPoint = "DeleteProcThreadAttributeList")]
    public static partial void DeleteAttributes(byte* list);

    [LibraryImport("kernel32", EntryPoint = "GetProcessTimes", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Times(SafeProcessHandle process, out ulong created, out ulong ended, out ulong kernel, out ulong user);

    [LibraryImport("kernel32", EntryPoint = "ResumeThread", SetLastError = true)]
    public static partial uint Resume(SafeFileHandle thread);

    [LibraryImport("kernel32", EntryPoint = "TerminateProcess", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Terminate(SafeProcessHandle process, uint exitCode);

    [LibraryImport("advapi32", EntryPoint = "OpenProcessToken", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool OpenToken(nint process, uint access, out SafeAccessTokenHandle token);

    [LibraryImport("advapi32", EntryPoint = "CreateRestrictedToken", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Restrict(
        SafeAccessTokenHandle token,
        uint flags,
        uint denyCount,
        SidAndAttributes* deny,
        uint privilegeCount,
        void* privileges,
        uint restrictCount,
        void* restrict,
        out SafeAccessTokenHandle restricted);

    /// <summary>STARTUPINFOEXW</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Startup
    {
        public uint Size;
        public char* Reserved;
        public char* Desktop;
        public char* Title;
        public uint X;
        public uint Y;
        public uint Width;
        public uint Height;
        public uint Columns;
        public uint Rows;
        public uint Fill;
        public uint Flags;
        public ushort Show;
        public ushort MoreSize;
        public byte* More;
        public nint Input;
        public nint Output;
        public nint Error;
        public byte* Attributes;
    }

    /// <summary>PROCESS_INFORMATION</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Created
    {
        public nint Process;
        public nint Thread;
        public uint ProcessId;
        public uint ThreadId;
    }

    /// <summary>SID_AND_ATTRIBUTES</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SidAndAttributes
    {
        public byte* Sid;
        public uint Attributes;
    }
}
