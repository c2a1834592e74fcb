using Microsoft.Extensions.Logging;

namespace Repr.Workspaces;

/// <summary>Takes away what an action left, whatever permissions the tool gave it.</summary>
public static partial class StagingDirectory
{
    /// <summary>A path below a directory that nothing has yet. Nothing is made.</summary>
    /// <param name="parent">Where staging directories lie.</param>
    /// <param name="kind">What it is for: the beginning of its name.</param>
    public static string NewPath(string parent, string kind) => Path.Combine(parent, $"{kind}-{Guid.NewGuid():N}");

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
            // Directories without the owner's permission: overlayfs makes one itself. On Windows, what is read-only.
            OpenAll(path);
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Deletes a directory and everything in it; what can't be deleted is left with a warning.</summary>
    public static void TryDelete(string path, ILogger logger)
    {
        try
        {
            Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.StagingLeft(logger, path, exception.Message);
        }
    }

    private static void OpenAll(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            foreach (FileInfo file in new DirectoryInfo(directory).EnumerateFiles())
            {
                file.Attributes = FileAttributes.Normal;
            }

            File.SetAttributes(directory, FileAttributes.Directory);
        }
        else
        {
            File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        foreach (DirectoryInfo child in new DirectoryInfo(directory).EnumerateDirectories())
        {
            if (child.LinkTarget is null)
            {
                OpenAll(child.FullName);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The staging directory '{Path}' could not be deleted ({Reason}); delete it by hand.")]
        public static partial void StagingLeft(ILogger logger, string path, string reason);
    }
}
