using System.Runtime.Versioning;

namespace Repr.Testing;

/// <summary>Where the basic tools of this machine and their libraries lie; few enough to be copied.</summary>
[SupportedOSPlatform("linux")]
public static class SystemTools
{
    private static readonly string[] s_programs =
    [
        "sh", "dash", "cat", "chmod", "cp", "dd", "echo", "env", "false", "find", "head", "id", "ln", "ls", "mkdir", "mkfifo", "mv",
        "pwd", "readlink", "rm", "rmdir", "seq", "setsid", "sleep", "sort", "stat", "tail", "tee", "test", "touch", "true", "tty", "uname",
        "unshare", "wc",
    ];

    private static readonly string[] s_libraries =
    [
        "ld-linux*", "libc.so*", "libselinux.so*", "libpcre2-8.so*", "libacl.so*", "libattr.so*", "libm.so*", "libcrypto.so*",
        "libz.so*", "libcap.so*", "libsystemd.so*", "libgmp.so*",
    ];

    /// <summary>Files and links to show so that these tools run.</summary>
    public static IReadOnlyList<VirtualPath> Roots { get; } = [.. Find().Select(VirtualPath.Parse)];

    private static IEnumerable<string> Find()
    {
        foreach (string directory in new[] { "/bin", "/lib", "/lib64" })
        {
            if (new FileInfo(directory).LinkTarget is not null)
            {
                yield return directory;
            }
        }

        foreach (string name in s_programs.Where(name => File.Exists("/usr/bin/" + name)))
        {
            yield return "/usr/bin/" + name;
        }

        foreach (string directory in new[] { "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib" })
        {
            foreach (string pattern in s_libraries)
            {
                foreach (string file in Directory.Exists(directory) ? Directory.GetFiles(directory, pattern) : [])
                {
                    yield return file;
                }
            }
        }
    }
}
