using System.Collections.Concurrent;
using System.Reflection;
#if NET
using System.Runtime.Loader;
#endif

namespace Repr.Build;

/// <summary>
/// Lets Repr.Build.Roslyn.dll find the compiler tasks of whatever SDK runs the build. MSBuild looks for the assemblies that a task
/// assembly needs beside it and beside itself, but the SDK keeps its compiler tasks in a folder of their own; a copy would not do,
/// since those tasks find the compiler relative to their own location. Safe for concurrent use.
/// </summary>
internal static class CompilerAssemblies
{
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
        AppDomain.CurrentDomain.AssemblyResolve += (_, request) =>
            new AssemblyName(request.Name).Name is { } name && s_paths.TryGetValue(name, out string? path)
                ? Load(path, request.RequestingAssembly)
                : null;
        return true;
    }

#if NET
    // MSBuild has a context for each task assembly.
    private static Assembly Load(string path, Assembly? requesting) =>
        ((requesting is null ? null : AssemblyLoadContext.GetLoadContext(requesting)) ?? AssemblyLoadContext.Default).LoadFromAssemblyPath(path);
#else
    // The .NET Framework has one for all.
    private static Assembly Load(string path, Assembly? requesting) => Assembly.LoadFrom(path);
#endif
}
