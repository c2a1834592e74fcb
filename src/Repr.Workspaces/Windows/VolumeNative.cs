using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Repr.Workspaces.Windows;

/// <summary>Drive letters: kernel32.dll (fileapi.h).</summary>
internal static unsafe partial class VolumeNative
{
    private const uint RawTarget = 0x1;
    private const uint Remove = 0x2;
    private const uint ExactMatch = 0x4;
    private const uint NoBroadcast = 0x8;
    private const int FileNotFound = 2;
    private const int Longest = 1024;

    /// <summary>The device that a letter stands for, "C:" for \Device\HarddiskVolume3; null: none.</summary>
    /// <exception cref="IOException">Windows does not say.</exception>
    public static string? DeviceOf(string letter)
    {
        char* device = stackalloc char[Longest];
        return QueryDosDevice(letter, device, Longest) != 0 ? new string(device) // the first of several is the one that counts
            : Marshal.GetLastPInvokeError() == FileNotFound ? null
            : throw new IOException($"The device of drive {letter} could not be asked for: {new Win32Exception().Message}");
    }

    /// <summary>Takes away a letter that leads to this target; nothing happens if it does not.</summary>
    public static void RemoveLink(string letter, string target) =>
        _ = DefineDosDevice(RawTarget | Remove | ExactMatch | NoBroadcast, letter, target);

    [LibraryImport("kernel32", EntryPoint = "QueryDosDeviceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial uint QueryDosDevice(string name, char* target, uint length);

    [LibraryImport("kernel32", EntryPoint = "DefineDosDeviceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool DefineDosDevice(uint flags, string name, string target);
}
