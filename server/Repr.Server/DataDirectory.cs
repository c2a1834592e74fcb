using Repr.Workspaces.Windows;

namespace Repr.Server;

/// <summary>The directory of all that a worker keeps.</summary>
internal static class DataDirectory
{
    /// <summary>
    /// Makes it if it is not there. On Windows, what it will hold is then its user's, administrators' and SYSTEM's
    /// (<see cref="PrivateDirectory"/>); elsewhere each part of it sees to that itself.
    /// </summary>
    /// <exception cref="IOException">It could not be made.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not, or on Windows it is somebody else's.</exception>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            PrivateDirectory.Create(path);
        }
        else
        {
            Directory.CreateDirectory(path);
        }
    }
}
