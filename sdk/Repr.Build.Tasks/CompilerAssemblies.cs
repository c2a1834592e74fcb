using System.Collections.Concurrent;
using System.Reflection;
#if NET
using System.Runtime.Loader;
#endif

namespace Repr.Build;

/// <summary>
/// Lets Repr.Build.Roslyn.dll find the compiler tasks of whatever SDK runs the build. MSBuild looks for the assemblies that a task
/// assembly needs beside it and beside itself, but the SDK keeps its compiler tasks in a folder of their own; a copy would not do,
/// since those tasks find the compiler relative to their own location. And lets it find Repr.Build.Tasks.dll, which is not beside it.
/// <para>What the process has loaded already is taken as it is, although MSBuild gives each task assembly a load context of its own: code that was
/// compiled ahead serves the first assembly that is made of a file, and for another one each method would be compiled again.</para>
/// Safe for concurrent use.
/// </summary>
internal static class CompilerAssemblies
{
    private static readonly Assembly s_own = typeof(CompilerAssemblies).Assembly;
    private static readonly StringComparison s_pathComparison = OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    // The hook is one of the process, and so is what it knows.
    private static readonly ConcurrentDictionary<string, string> s_paths = new(StringComparer.OrdinalIgnoreCase);
    private static readonly Lazy<bool> s_hook = new(Hook);

    /// <summary>Makes an assembly file known by its simple name. The first of a name wins.</summary>
    public static void Add(string path)
    {
        if (File.Exists(path))
        {
            s_paths.TryAdd(Path.GetFileNameWithoutExtension(path), Path.GetFullPath(path));
        }

        _ = s_hook.Value;
    }

    private static bool Hook()
    {
        AppDomain.CurrentDomain.AssemblyResolve += (_, request) => new AssemblyName(request.Name).Name is not { } name ? null
            : name == s_own.GetName().Name ? IsOfThisPackage(request.RequestingAssembly) ? s_own : null
            : s_paths.TryGetValue(name, out string? path) ? FindLoaded(path) ?? Load(path, request.RequestingAssembly)
            : null;
        return true;
    }

    // There may be another version of the package in the process.
    private static bool IsOfThisPackage(Assembly? requesting) =>
        requesting is { IsDynamic: false }
        && requesting.Location.StartsWith(Path.GetDirectoryName(s_own.Location) + Path.DirectorySeparatorChar, s_pathComparison);

    private static Assembly? FindLoaded(string path) =>
        AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(loaded => !loaded.IsDynamic && string.Equals(loaded.Location, path, s_pathComparison));

#if NET
    // MSBuild has a context for each task assembly.
    private static Assembly Load(string path, Assembly? requesting) =>
        ((requesting is null ? null : AssemblyLoadContext.GetLoadContext(requesting)) ?? AssemblyLoadContext.Default).LoadFromAssemblyPath(path);
#else
    // The .NET Framework has one for all.
    private static Assembly Load(string path, Assembly? requesting) => Assembly.LoadFrom(path);
#endif
}
