using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>Job objects and their completion ports: kernel32.dll (winnt.h, jobapi2.h).</summary>
internal static unsafe partial class JobNative
{
    public const uint LimitActiveProcesses = 0x8;
    public const uint LimitJobMemory = 0x200;
    public const uint LimitDieOnUnhandledException = 0x400;
    public const uint LimitKillOnClose = 0x2000;
    public const uint MessageActiveProcessLimit = 3;
    public const uint MessageActiveProcessZero = 4;
    public const uint MessageJobMemoryLimit = 10;
    public const int BasicAccounting = 1;
    public const int ProcessIds = 3;
    public const int UserInterface = 4;
    public const int CompletionPort = 7;
    public const int ExtendedLimits = 9;

    [LibraryImport("kernel32", EntryPoint = "CreateJobObjectW", SetLastError = true)]
    public static partial SafeFileHandle Create(void* security, char* name);

    [LibraryImport("kernel32", EntryPoint = "SetInformationJobObject", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Set(SafeFileHandle job, int kind, void* information, uint length);

    [LibraryImport("kernel32", EntryPoint = "QueryInformationJobObject", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Query(SafeFileHandle job, int kind, void* information, uint length, uint* returned);

    [LibraryImport("kernel32", EntryPoint = "AssignProcessToJobObject", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Assign(SafeFileHandle job, SafeProcessHandle process);

    [LibraryImport("kernel32", EntryPoint = "TerminateJobObject", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Terminate(SafeFileHandle job, uint exitCode);

    [LibraryImport("kernel32", EntryPoint = "CreateIoCompletionPort", SetLastError = true)]
    public static partial SafeFileHandle CreatePort(nint file, nint existing, nuint key, uint threads);

    [LibraryImport("kernel32", EntryPoint = "GetQueuedCompletionStatus", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Wait(SafeFileHandle port, out uint message, out nuint key, out nint process, uint milliseconds);

    /// <summary>JOBOBJECT_ASSOCIATE_COMPLETION_PORT</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Association
    {
        public nint Key;
        public nint Port;
    }

    /// <summary>JOBOBJECT_BASIC_ACCOUNTING_INFORMATION; times in 100 ns.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Accounting
    {
        public long UserTime;
        public long KernelTime;
        public long PeriodUserTime;
        public long PeriodKernelTime;
        public uint PageFaults;
        public uint TotalProcesses;
        public uint ActiveProcesses;
        public uint TerminatedProcesses;
    }

    /// <summary>JOBOBJECT_EXTENDED_LIMIT_INFORMATION</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Limits
    {
        public long ProcessUserTime;
        public long JobUserTime;
        public uint Flags;
        public nuint MinimumWorkingSet;
        public nuint MaximumWorkingSet;
        public uint ActiveProcesses;
        public nuint Affinity;
        public uint PriorityClass;
        public uint SchedulingClass;
        public fixed ulong IoCounters[6];
        public nuint ProcessMemory;
        public nuint JobMemory;
        public nuint PeakProcessMemory;
        public nuint PeakJobMemory;
    }
}
