namespace Repr.Build;

/// <summary>
/// What any run of the SDK's compiler reads, whatever it compiles: the compiler's own files and those of the runtime below it.
/// A guess that saves questions when nothing has been learned yet.
/// </summary>
internal static class Toolchain
{
    // A thousand lines that the kernel writes, and each compile of a node would read.
    private static string[]? s_mapped;

    /// <summary>The compiler's program files beside a program.</summary>
    public static IEnumerable<string> CompilerFiles(string program)
    {
        string directory = Path.GetDirectoryName(program)!;
        string name = Path.GetFileNameWithoutExtension(program);
        return
        [
            program,
            .. new[] { name + ".dll", name + ".deps.json", name + ".runtimeconfig.json", "Microsoft.CodeAnalysis.dll",
                "Microsoft.CodeAnalysis.CSharp.dll", "Microsoft.CodeAnalysis.VisualBasic.dll" }
                .Select(file => Path.Combine(directory, file)),
        ];
    }

    /// <summary>
    /// The files of the runtime and of the system that this process had mapped when it was asked first: MSBuild runs on the same runtime as the
    /// compiler that its SDK brings. Empty where the kernel does not tell.
    /// </summary>
    public static IEnumerable<string> RuntimeFiles(string dotnetRoot)
    {
        string sdk = Path.Combine(dotnetRoot, "sdk") + Path.DirectorySeparatorChar;
        return LazyInitializer.EnsureInitialized(ref s_mapped, ReadMapped)!.Where(path => !path.StartsWith(sdk, StringComparison.Ordinal)
            && (path.StartsWith(dotnetRoot + Path.DirectorySeparatorChar, StringComparison.Ordinal)
                || path.StartsWith("/usr/lib", StringComparison.Ordinal)
                || path.StartsWith("/lib", StringComparison.Ordinal)));
    }

    /// <summary>Forgets what was mapped: the process has not loaded everything yet.</summary>
    public static void Forget() => s_mapped = null;

    private static string[] ReadMapped()
    {
        const string Maps = "/proc/self/maps"; // proc_pid_maps(5): address perms offset dev inode pathname
        return File.Exists(Maps)
            ? [.. File.ReadLines(Maps)
                .Select(line => line.IndexOf('/', StringComparison.Ordinal) is int start and >= 0 ? line[start..] : "")
                .Where(path => path.Length > 0)
                .Distinct(StringComparer.Ordinal)]
            : [];
    }
}
