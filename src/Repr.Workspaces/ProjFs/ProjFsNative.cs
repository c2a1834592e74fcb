using System.Runtime.InteropServices;

namespace Repr.Workspaces.ProjFs;

/// <summary>
/// ProjectedFSLib.dll (SDK: projectedfslib.h; Windows 10 1809, the functions whose names end in 2: 2004). It is loaded from the system
/// directory only, never from where the program lies. The declarations are compared with the SDK's header by a compiler, in the tests.
/// </summary>
internal static unsafe partial class ProjFsNative
{
    private const string Library = "ProjectedFSLib.dll";

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjMarkDirectoryAsPlaceholder(
        string rootPathName, string? targetPathName, PrjPlaceholderVersionInfo* versionInfo, Guid* virtualizationInstanceId);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjStartVirtualizing(
        string virtualizationRootPath, PrjCallbacks* callbacks, nint instanceContext, PrjStartvirtualizingOptions* options, nint* context);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial void PrjStopVirtualizing(nint context);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjWritePlaceholderInfo(nint context, string destinationFileName, PrjPlaceholderInfo* info, uint infoSize);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjWritePlaceholderInfo2(
        nint context, string destinationFileName, PrjPlaceholderInfo* info, uint infoSize, PrjExtendedInfo* extendedInfo);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjWriteFileData(nint context, Guid* dataStreamId, void* buffer, ulong byteOffset, uint length);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial void* PrjAllocateAlignedBuffer(nint context, nuint size);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial void PrjFreeAlignedBuffer(void* buffer);

    [LibraryImport(Library)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjCompleteCommand(
        nint context, int commandId, int completionResult, PrjCompleteCommandExtendedParameters* extendedParameters);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjFillDirEntryBuffer(string fileName, PrjFileBasicInfo* fileBasicInfo, nint buffer);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjFillDirEntryBuffer2(
        nint buffer, string fileName, PrjFileBasicInfo* fileBasicInfo, PrjExtendedInfo* extendedInfo);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjGetOnDiskFileState(string destinationFileName, PrjFileState* fileState);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial byte PrjFileNameMatch(string fileNameToCheck, string pattern);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial int PrjFileNameCompare(string fileName1, string fileName2);
}
