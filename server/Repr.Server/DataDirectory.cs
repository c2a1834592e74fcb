using System.Security.AccessControl;
using System.Security.Principal;

namespace Repr.Server;

/// <summary>The directory of all that a worker keeps.</summary>
internal static class DataDirectory
{
    /// <summary>
    /// Makes it if it is not there. On Windows, what it will hold is then its user's, administrators' and SYSTEM's; elsewhere each part of it
    /// sees to that itself.
    /// </summary>
    /// <exception cref="IOException">It could not be made.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not.</exception>
    public static void Create(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        DirectoryInfo directory = Directory.CreateDirectory(path);
        if (!OperatingSystem.IsWindows())
        {
            return;
        }

        DirectorySecurity security = new();
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        using WindowsIdentity self = WindowsIdentity.GetCurrent();
        foreach (SecurityIdentifier owner in new[]
        {
            self.User!,
            new SecurityIdentifier(WellKnownSidType.BuiltinAdministratorsSid, null),
            new SecurityIdentifier(WellKnownSidType.LocalSystemSid, null),
        })
        {
            security.AddAccessRule(new FileSystemAccessRule(
                owner,
                FileSystemRights.FullControl,
                InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit,
                PropagationFlags.None,
                AccessControlType.Allow));
        }

        directory.SetAccessControl(security);
    }
}
