namespace Repr.Security.Tokens;

/// <summary>What is to be known about files with tokens.</summary>
internal static class TokenFiles
{
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Whether other users of this machine may read a file.</summary>
    public static bool IsOpenToOthers(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return false; // lists of rights are not judged
        }

        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return (File.GetUnixFileMode(file.SafeFileHandle) & Others) != 0;
    }
}
