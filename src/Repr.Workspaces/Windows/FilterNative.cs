using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>The user side of the filter manager: fltlib.dll (fltUser.h).</summary>
internal static unsafe partial class FilterNative
{
    /// <summary>Connects to the port of a driver.</summary>
    /// <returns>An HRESULT.</returns>
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [LibraryImport("fltlib", EntryPoint = "FilterConnectCommunicationPort", StringMarshalling = StringMarshalling.Utf16)]
    public static partial int Connect(string name, uint options, void* context, ushort contextSize, void* security, out SafeFileHandle port);

    /// <summary>Sends a message and waits for its reply.</summary>
    /// <returns>An HRESULT.</returns>
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [LibraryImport("fltlib", EntryPoint = "FilterSendMessage")]
    public static partial int Send(SafeFileHandle port, void* message, uint length, void* reply, uint replyLength, out uint returned);
}
