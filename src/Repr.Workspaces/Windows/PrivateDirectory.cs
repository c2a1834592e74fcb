using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;

namespace Repr.Workspaces.Windows;

/// <summary>Directories that only this user, administrators and SYSTEM can use, and all that is made in them.</summary>
[SupportedOSPlatform("windows")]
public static class PrivateDirectory
{
    /// <summary>
    /// Makes it, with its access list in one step; nobody can come in between. One that is there is used as it is if its owner is one of
    /// those three: on most drives everybody may make directories, and whoever owns one decides who can use it.
    /// </summary>
    /// <exception cref="IOException">It could not be made.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not make it, or it is somebody else's or no directory of its own.</exception>
    public static void Create(string path)
    {
        using WindowsIdentity self = WindowsIdentity.GetCurrent();
        SecurityIdentifier[] owners =
        [
            self.User!,
            new(WellKnownSidType.BuiltinAdministratorsSid, null),
            new(WellKnownSidType.LocalSystemSid, null),
        ];
        DirectorySecurity security = new();
        security.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        foreach (SecurityIdentifier owner in owners)
        {
            security.AddAccessRule(new FileSystemAccessRule(
                owner,
                FileSystemRights.FullControl,
                InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit,
                PropagationFlags.None,
                AccessControlType.Allow));
        }

        DirectoryInfo directory = security.CreateDirectory(path);
        if (directory.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            throw new UnauthorizedAccessException($"The directory '{path}' is a link; name the directory that it leads to.");
        }

        if (!owners.Contains(directory.GetAccessControl(AccessControlSections.Owner).GetOwner(typeof(SecurityIdentifier))))
        {
            throw new UnauthorizedAccessException(
                $"The directory '{path}' belongs to neither this user nor administrators nor SYSTEM; delete it, or name another one.");
        }
    }
}
