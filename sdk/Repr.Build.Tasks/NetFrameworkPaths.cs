#if !NET
namespace Repr;

/// <summary>What the .NET Framework's Path lacks and no package of polyfills has: the same meaning as the base library's.</summary>
internal static class NetFrameworkPaths
{
    extension(Path)
    {
        /// <summary>The absolute path of what is relative to a directory: "\x" to its drive, "C:x" to it if it is on that drive.</summary>
        public static string GetFullPath(string path, string basePath)
        {
            if (Path.IsPathFullyQualified(path))
            {
                return Path.GetFullPath(path);
            }

            string root = Path.GetPathRoot(path)!;
            return Path.GetFullPath(
                root.Length == 0 ? Path.Combine(basePath, path)
                : root[0] is '\\' or '/' ? Path.GetPathRoot(basePath)!.TrimEnd('\\') + path
                : basePath.StartsWith(root, StringComparison.OrdinalIgnoreCase) ? Path.Combine(basePath, path[root.Length..])
                : root + "\\" + path[root.Length..]);
        }

        /// <summary>Whether a path depends on no current directory.</summary>
        public static bool IsPathFullyQualified(string path) => Path.DirectorySeparatorChar == '/'
            ? path.StartsWith("/", StringComparison.Ordinal)
            : path.Length > 2 && ((path[1] == ':' && path[2] is '\\' or '/') || (path[0] is '\\' or '/' && path[1] is '\\' or '/' or '?'));
    }
}
#endif
