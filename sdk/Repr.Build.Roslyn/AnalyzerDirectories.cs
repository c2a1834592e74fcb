using System.Collections.Concurrent;
using Microsoft.Build.Framework;

namespace Repr.Build;

/// <summary>
/// What lies beside analyzers, each directory listed once in a build: most projects have the same ones. What comes there later is asked for when it is needed. Safe for
/// concurrent use.
/// </summary>
internal sealed class AnalyzerDirectories
{
    private readonly ConcurrentDictionary<string, string[]> _libraries = new(StringComparer.Ordinal);

    /// <summary>Those of a build in this process; where the engine keeps nothing, new ones.</summary>
    /// <param name="engine">A task's engine.</param>
    public static AnalyzerDirectories Of(IBuildEngine engine) => BuildObjects.GetOrMake(engine, "", static () => new AnalyzerDirectories()) ?? new();

    /// <summary>The libraries in a directory, in order; none where there is no such directory.</summary>
    /// <param name="directory">An absolute path.</param>
    /// <exception cref="IOException">It can't be listed, as <see cref="UnauthorizedAccessException"/> may say too.</exception>
    public IReadOnlyList<string> LibrariesIn(string directory) => _libraries.GetOrAdd(directory, static path => List(path));

    // In the same order each time: a request is compared with the one of the last build.
    private static string[] List(string directory)
    {
        string[] libraries = Directory.Exists(directory) ? Directory.GetFiles(directory, "*.dll") : [];
        Array.Sort(libraries, StringComparer.Ordinal);
        return libraries;
    }
}
