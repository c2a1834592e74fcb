namespace Repr.Build.Cxx;

/// <summary>Outputs on the disk. One that stays on its worker (ReprDownload=minimal) is a symbolic link that leads nowhere when the requester process is gone.</summary>
internal static class OutputFiles
{
    /// <summary>Whether something can be read there. For a link that leads nowhere File.Exists is true.</summary>
    public static bool CanBeRead(string path)
    {
#if NET
        return File.Exists(path) && (!IsLink(path) || File.ResolveLinkTarget(path, returnFinalTarget: true) is { Exists: true });
#else
        return File.Exists(path);
#endif
    }

    /// <summary>Whether it is a symbolic link.</summary>
    public static bool IsLink(string path)
    {
#if NET
        return new FileInfo(path).LinkTarget is not null;
#else
        return false; // the .NET Framework is on Windows, where nothing is left on workers
#endif
    }
}
