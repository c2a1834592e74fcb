namespace Repr.Build;

/// <summary>
/// What any run of the SDK's compiler reads, whatever it compiles: the compiler's own files and those of the runtime below it.
/// A guess that saves questions when nothing has been learned yet.
/// </summary>
internal static class Toolchain
{
    // A thousand lines that the kernel writes: nobody waits for them but who is first, and that is a rehearsal.
    private static string[]? s_runtime;
    private static int s_isReadAgain;

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
    /// The files of the runtime and of the system that this process had mapped a moment ago: MSBuild runs on the same runtime as the compiler that its SDK
    /// brings. Empty where the kernel does not tell.
    /// </summary>
    /// <param name="dotnetRoot">The runtime's directory, one for each process.</param>
    /// <param name="isEarly">The process has not loaded everything yet: it is read again, in the background, by the next that is asked.</param>
    public static IReadOnlyList<string> RuntimeFiles(string dotnetRoot, bool isEarly)
    {
        string[] files = LazyInitializer.EnsureInitialized(ref s_runtime, () => ReadMapped(dotnetRoot))!;
        if (!isEarly && Interlocked.Exchange(ref s_isReadAgain, 1) == 0)
        {
            WarmUp.InBackground(() => Volatile.Write(ref s_runtime, ReadMapped(dotnetRoot)));
        }

        return files;
    }

    private static string[] ReadMapped(string dotnetRoot)
    {
        const string Maps = "/proc/self/maps"; // proc_pid_maps(5): address perms offset dev inode pathname
        string sdk = Path.Combine(dotnetRoot, "sdk") + Path.DirectorySeparatorChar;
        return File.Exists(Maps)
            ? [.. File.ReadLines(Maps)
                .Select(line => line.IndexOf('/', StringComparison.Ordinal) is int start and >= 0 ? line[start..] : "")
                .Where(path => !path.StartsWith(sdk, StringComparison.Ordinal)
                    && (path.StartsWith(dotnetRoot + Path.DirectorySeparatorChar, StringComparison.Ordinal)
                        || path.StartsWith("/usr/lib", StringComparison.Ordinal)
                        || path.StartsWith("/lib", StringComparison.Ordinal)))
                .Distinct(StringComparer.Ordinal)]
            : [];
    }
}
