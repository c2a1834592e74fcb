namespace Repr.Build;

/// <summary>Places of files that exist only in a tool's world.</summary>
internal static class ToolFiles
{
    /// <summary>
    /// The path of a temporary file. It is the same for the same name, so that nothing of the run is in what the tool writes: below /tmp, which
    /// is private to each action, or in this user's directory for temporary files (Windows).
    /// </summary>
    public static string Temporary(string name) => OperatingSystem.IsWindows() ? Path.Combine(Path.GetTempPath(), name) : "/tmp/" + name;
}
