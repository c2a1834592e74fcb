using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Launcher;

/// <summary>Receiving a descriptor over a Unix socket (unix(7), SCM_RIGHTS), which .NET has no call for.</summary>
internal static partial class LauncherNative
{
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int MsgCloseOnExec = 0x40000000;
    private const int MsgDontWait = 0x40;

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetEffectiveUserId();

    [LibraryImport("libc", EntryPoint = "getegid")]
    public static partial uint GetEffectiveGroupId();

    /// <summary>Receives at most <paramref name="buffer"/>'s length, without waiting.</summary>
    /// <param name="socket">A connected Unix stream socket.</param>
    /// <param name="buffer">Where the data goes.</param>
    /// <param name="descriptor">The file that came with the data, or null.</param>
    /// <returns>How much was received; 0 at the end of the stream; -1 with the error of the last P/Invoke set.</returns>
    public static unsafe int Receive(SafeHandle socket, Span<byte> buffer, out SafeFileHandle? descriptor)
    {
        ControlMessage control = default;
        nint received;
        fixed (byte* data = buffer)
        {
            IoVector vector = new() { Base = data, Length = (nuint)buffer.Length };
            MessageHeader header = new()
            {
                Vectors = &vector,
                VectorCount = 1,
                Control = &control,
                ControlLength = (nuint)sizeof(ControlMessage),
            };
            received = ReceiveMessage(socket, &header, MsgCloseOnExec | MsgDontWait);
        }

        bool hasDescriptor = received >= 0 && control.Level == SolSocket && control.Type == ScmRights;
        descriptor = hasDescriptor ? new SafeFileHandle(control.Descriptor, ownsHandle: true) : null;
        return (int)received;
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static unsafe partial nint ReceiveMessage(SafeHandle socket, MessageHeader* message, int flags);

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    // struct cmsghdr with room for one descriptor, padded as CMSG_SPACE does.
    [StructLayout(LayoutKind.Sequential)]
    private struct ControlMessage
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
        public int Padding;
    }
}
