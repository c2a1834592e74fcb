using System.Runtime.InteropServices;

namespace Repr.Workspaces.Windows;

/// <summary>Sessions of users: wtsapi32.dll (wtsapi32.h).</summary>
internal static unsafe partial class SessionsNative
{
    public const int NameLength = 32;
    public const int DomainLength = 17;
    public const int UserLength = 21; // with the zero
    public const uint SessionInfo = 24;
    public const int Active = 0;

    [LibraryImport("wtsapi32", EntryPoint = "WTSEnumerateSessionsW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Enumerate(nint server, uint reserved, uint version, out Session* sessions, out uint count);

    [LibraryImport("wtsapi32", EntryPoint = "WTSQuerySessionInformationW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Query(nint server, uint session, uint information, out void* buffer, out uint bytes);

    [LibraryImport("wtsapi32", EntryPoint = "WTSFreeMemory")]
    public static partial void Free(void* memory);

    /// <summary>WTS_SESSION_INFOW</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Session
    {
        public uint Id;
        public char* Name;
        public int State;
    }

    /// <summary>WTSINFOW</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Information
    {
        public int State;
        public uint Id;
        public uint IncomingBytes;
        public uint OutgoingBytes;
        public uint IncomingFrames;
        public uint OutgoingFrames;
        public uint IncomingCompressedBytes;
        public uint OutgoingCompressedBytes;
        public fixed char Name[NameLength];
        public fixed char Domain[DomainLength];
        public fixed char User[UserLength];
        public long ConnectTime;
        public long DisconnectTime;
        public long LastInputTime;
        public long LogonTime;
        public long CurrentTime;
    }
}
