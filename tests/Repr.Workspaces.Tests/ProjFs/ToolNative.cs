using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Repr.Workspaces.ProjFs;

namespace Repr.Workspaces.Tests.ProjFs;

/// <summary>The tool's side of the test double (Double/tool.c), and what the tests set in it.</summary>
internal static unsafe partial class ToolNative
{
    private const string Library = "ProjectedFSLib.dll";

    // On Windows the library is found as the product finds it, in the system directory; on Linux it lies beside the tests.
    [ModuleInitializer]
    internal static void Initialize()
    {
        if (!OperatingSystem.IsWindows())
        {
            NativeLibrary.SetDllImportResolver(typeof(NativeProjFs).Assembly, Resolve);
            NativeLibrary.SetDllImportResolver(typeof(ToolNative).Assembly, Resolve);
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == Library ? NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, "libProjectedFSLib.so")) : 0;

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolStat(string root, string path, PrjFileBasicInfo* basic, char* spelled, uint capacity);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolQuery(string root, string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolRead(string root, string path, ulong offset, byte* data, uint length, long* count);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolWrite(string root, string path, byte* data, uint length, int append);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolMakeDirectory(string root, string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolTouch(string root, string path, long time);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolList(string root, string directory, string pattern, int restart, char* names, uint capacity);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolDelete(string root, string path);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolRename(string root, string from, string? to);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int ToolLink(string root, string from, string? to);

    [LibraryImport(Library)]
    public static partial void DoubleSettings(DoubleSettings* settings);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int DoubleCounts(string root, uint* counts, byte* violation);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    public static partial int DoubleCancel(string root);
}

/// <summary>struct settings of double.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DoubleSettings
{
    public uint BufferEntries;
    public uint DataChunk;
    public uint HideTombstones;
    public uint LoseEnds;
    public int FailWrites;
    public uint SingleEntries;
}
