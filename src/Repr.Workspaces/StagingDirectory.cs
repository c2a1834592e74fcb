using System.Runtime.Versioning;

namespace Repr.Workspaces;

/// <summary>Takes away what an action left, whatever permissions the tool gave it.</summary>
[SupportedOSPlatform("linux")]
internal static class StagingDirectory
{
    /// <summary>Deletes a directory and everything in it. Does nothing when it is gone.</summary>
    /// <exception cref="IOException">Something could not be deleted.</exception>
    public static void Delete(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Gone already.
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException)
        {
            // Directories without the owner's permission: overlayfs makes one itself.
            OpenAll(path);
            Directory.Delete(path, recursive: true);
        }
    }

    private static void OpenAll(string directory)
    {
        File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (DirectoryInfo child in new DirectoryInfo(directory).EnumerateDirectories())
        {
            if (child.LinkTarget is null)
            {
                OpenAll(child.FullName);
            }
        }
    }
}
