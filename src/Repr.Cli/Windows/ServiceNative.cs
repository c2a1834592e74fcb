using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Cli.Windows;

/// <summary>The service control manager: advapi32.dll (winsvc.h).</summary>
internal static unsafe partial class ServiceNative
{
    public const uint ManagerAll = 0xF003F;
    public const uint ServiceAll = 0xF01FF;
    public const uint OwnProcess = 0x10;
    public const uint AutomaticStart = 2;
    public const uint ErrorNormal = 1;
    public const uint Description = 1;
    public const uint FailureActions = 2;
    public const uint Restart = 1;
    public const int Exists = 1073;
    public const int DoesNotExist = 1060;

    [LibraryImport("advapi32", EntryPoint = "OpenSCManagerW", SetLastError = true)]
    public static partial Handle OpenManager(char* machine, char* database, uint access);

    [LibraryImport("advapi32", EntryPoint = "CreateServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial Handle Create(
        Handle manager,
        string name,
        string displayName,
        uint access,
        uint type,
        uint start,
        uint errorControl,
        string commandLine,
        string? group,
        uint* tag,
        string? dependencies,
        string? account,
        string? password);

    [LibraryImport("advapi32", EntryPoint = "OpenServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    public static partial Handle Open(Handle manager, string name, uint access);

    [LibraryImport("advapi32", EntryPoint = "ChangeServiceConfig2W", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Change(Handle service, uint level, void* information);

    [LibraryImport("advapi32", EntryPoint = "DeleteService", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Delete(Handle service);

    [LibraryImport("advapi32", EntryPoint = "CloseServiceHandle")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CloseService(nint handle);

    /// <summary>SC_HANDLE</summary>
    public sealed class Handle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle() => CloseService(handle);
    }

    /// <summary>SERVICE_FAILURE_ACTIONSW</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Failures
    {
        public uint ResetSeconds;
        public char* Message;
        public char* Command;
        public uint Count;
        public Action* Actions;
    }

    /// <summary>SC_ACTION</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Action
    {
        public uint Kind;
        public uint DelayMilliseconds;
    }
}
