using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>Local accounts: netapi32.dll (lmaccess.h), advapi32.dll (winbase.h).</summary>
internal static unsafe partial class AccountsNative
{
    public const uint UserPrivilege = 1;
    public const uint Script = 0x1;
    public const uint NeverExpires = 0x10000;
    public const uint Password = 1003;
    public const uint Interactive = 2;
    public const uint DefaultProvider = 0;

    public const uint Success = 0;
    public const uint AlreadyInGroup = 1378;
    public const uint UserExists = 2224;
    public const uint UserNotFound = 2221;

    [LibraryImport("netapi32", EntryPoint = "NetUserAdd")]
    public static partial uint Add(char* server, uint level, User* user, uint* parameter);

    [LibraryImport("netapi32", EntryPoint = "NetUserSetInfo", StringMarshalling = StringMarshalling.Utf16)]
    public static partial uint SetPassword(char* server, string name, uint level, char** password, uint* parameter);

    [LibraryImport("netapi32", EntryPoint = "NetUserDel", StringMarshalling = StringMarshalling.Utf16)]
    public static partial uint Delete(char* server, string name);

    [LibraryImport("netapi32", EntryPoint = "NetLocalGroupAddMembers", StringMarshalling = StringMarshalling.Utf16)]
    public static partial uint AddToGroup(char* server, string group, uint level, char** names, uint count);

    [LibraryImport("advapi32", EntryPoint = "LogonUserW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool LogOn(string name, string domain, string password, uint type, uint provider, out SafeAccessTokenHandle token);

    /// <summary>USER_INFO_1</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct User
    {
        public char* Name;
        public char* Password;
        public uint PasswordAge;
        public uint Privilege;
        public char* Home;
        public char* Comment;
        public uint Flags;
        public char* ScriptPath;
    }
}
