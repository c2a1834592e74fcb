using System.Globalization;

namespace Repr.Build.Cxx;

/// <summary>Finds a program on the PATH.</summary>
/// <param name="path">The PATH.</param>
internal sealed class ToolSearch(string path)
{
    /// <summary>
    /// The absolute path of a program: as it is called, else the newest of its versions ("clang-cl-14", as distributions install them);
    /// null when there is none.
    /// </summary>
    public string? Find(string name)
    {
        if (Path.IsPathRooted(name))
        {
            return File.Exists(name) ? name : null;
        }

        List<string> directories = [.. path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Where(Directory.Exists)];
        return directories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists)
            ?? directories
                .SelectMany(directory => Directory.EnumerateFiles(directory, name + "-*"))
                .Select(file => (File: file, Version: VersionOf(file, name)))
                .Where(candidate => candidate.Version is not null)
                .OrderByDescending(candidate => candidate.Version)
                .Select(candidate => candidate.File)
                .FirstOrDefault();
    }

    private static int? VersionOf(string file, string name) =>
        int.TryParse(Path.GetFileName(file)[(name.Length + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int version) ? version : null;
}
