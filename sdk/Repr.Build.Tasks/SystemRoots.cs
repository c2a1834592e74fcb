namespace Repr.Build;

/// <summary>
/// Directories of the operating system from which tools load programs, libraries, headers, locale and time zone data. Nobody's secrets
/// lie there, and every user can read them. The Windows directory is not among them: a worker has its own.
/// </summary>
internal static class SystemRoots
{
    /// <summary>All of them; they need not exist.</summary>
    public static IReadOnlyList<string> All { get; } = OperatingSystem.IsWindows()
        ?
    [
        Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), Environment.GetFolderPath(Environment.SpecialFolder.ProgramFilesX86),
    ]
        :
    [
        "/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
        "/etc/localtime", "/etc/timezone", "/etc/ssl/openssl.cnf", "/etc/os-release", "/etc/dotnet", "/etc/alternatives",
    ];
}
