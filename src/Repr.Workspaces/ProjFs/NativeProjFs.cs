namespace Repr.Workspaces.ProjFs;

/// <summary>The projected file system by its library, ProjectedFSLib.dll. Safe for concurrent use.</summary>
internal sealed unsafe class NativeProjFs : IProjFs
{
    private const string NotInstalled =
        "The Projected File System is not installed. Run as administrator: Enable-WindowsOptionalFeature -Online -FeatureName Client-ProjFS";

    /// <summary>A sentence for the administrator when the library can't be used here; null when it can.</summary>
    public static string? WhyUnavailable
    {
        get
        {
            try
            {
                return ProjFsNative.PrjFileNameCompare("a", "A") == 0 ? null : "The Projected File System does not compare names without case.";
            }
            catch (DllNotFoundException)
            {
                return NotInstalled;
            }
        }
    }

    /// <inheritdoc/>
    public int CompareNames(string left, string right) => ProjFsNative.PrjFileNameCompare(left, right);

    /// <inheritdoc/>
    public bool MatchesName(string name, string pattern) => ProjFsNative.PrjFileNameMatch(name, pattern) != 0;

    /// <inheritdoc/>
    public int GetState(string path, out PrjFileState state)
    {
        PrjFileState found = PrjFileState.None;
        int result = ProjFsNative.PrjGetOnDiskFileState(path, &found);
        state = found;
        return result;
    }

    /// <inheritdoc/>
    public void Start(string root, int threads, Func<IVirtualizationInstance, IProjectionCallbacks> provide)
    {
        try
        {
            Guid instance = Guid.NewGuid();
            Check(ProjFsNative.PrjMarkDirectoryAsPlaceholder(root, null, null, &instance), root);
            NativeVirtualizationInstance.Start(root, threads, provide, Check);
        }
        catch (DllNotFoundException exception)
        {
            throw new ReprException(ReprErrorCode.Unavailable, NotInstalled, exception);
        }
    }

    private static void Check(int result, string root)
    {
        if (result < 0)
        {
            throw new ReprException(
                ReprErrorCode.Unavailable,
                $"'{root}' could not be made a root of the Projected File System (0x{result:X8}). It must be an empty directory of an NTFS volume, and in no other root.");
        }
    }
}
