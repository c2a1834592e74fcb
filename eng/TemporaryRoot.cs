using System.Runtime.CompilerServices;

namespace Repr.Testing;

/// <summary>
/// One directory for all that a test executable, or a bench, and every process that it starts puts where temporary files belong (<c>TMPDIR</c>); removed when it ends. A process that is
/// killed cannot clear up, and compilers, .NET and Wine leave something even if nobody kills them. What an executable that was killed itself has left, the next one removes.
/// </summary>
internal static class TemporaryRoot
{
    private const string Prefix = "repr-tmp-"; // short: paths of sockets lie below it
    private const string LockName = ".in-use";

    private static FileStream? s_inUse;

    /// <summary>Makes it, before anything else of the executable runs.</summary>
    [ModuleInitializer]
    internal static void Make()
    {
        string parent = Path.TrimEndingDirectorySeparator(Path.GetTempPath());
        if (!OperatingSystem.IsLinux() || Path.GetFileName(parent).StartsWith(Prefix, StringComparison.Ordinal))
        {
            return; // that of the executable which started this one
        }

        foreach (string earlier in Directory.GetDirectories(parent, Prefix + "*"))
        {
            RemoveUnused(earlier);
        }

        string root = Directory.CreateTempSubdirectory(Prefix).FullName;
        s_inUse = new FileStream(Path.Combine(root, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        File.SetUnixFileMode(root, File.GetUnixFileMode(parent)); // some tests start processes of another user
        Environment.SetEnvironmentVariable("TMPDIR", root);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            Remove(root);
            s_inUse.Dispose();
        };
    }

    private static void RemoveUnused(string root)
    {
        try
        {
            using FileStream unused = new(Path.Combine(root, LockName), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            Remove(root);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It is in use, or being made, or another user's.
        }
    }

    private static void Remove(string root)
    {
        try
        {
            Directory.Delete(root, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What is still used, or is another user's, stays.
        }
    }
}
