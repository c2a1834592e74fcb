using System.ComponentModel;
using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>As whom the tools of the slots run. Safe for concurrent use.</summary>
/// <remarks>
/// With slot users each slot has a local account of its own, logged on once, whose password nobody knows: it is made up anew at each start of
/// the worker. Without, tools run as the worker without its privileges and without the group of administrators.
/// </remarks>
[SupportedOSPlatform("windows")]
internal sealed class ToolIdentities : IDisposable
{
    private readonly SafeAccessTokenHandle[] _tokens;
    private readonly SecurityIdentifier[] _users;

    private ToolIdentities(SafeAccessTokenHandle[] tokens)
    {
        _tokens = tokens;
        _users = [.. tokens.Select(UserOf)];
    }

    /// <summary>The worker's own user for all slots.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    public static ToolIdentities OfWorker() => new([RestrictedToken()]);

    /// <summary>A local account for each slot, made if it is not there.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    public static ToolIdentities OfSlots(int slots)
    {
        List<SafeAccessTokenHandle> tokens = [];
        try
        {
            for (int slot = 0; slot < slots; slot++)
            {
                tokens.Add(SlotUsers.LogOn(slot));
            }

            return new ToolIdentities([.. tokens]);
        }
        catch
        {
            tokens.ForEach(static token => token.Dispose());
            throw;
        }
    }

    /// <summary>The token of a slot's tools; stays this object's.</summary>
    public SafeAccessTokenHandle TokenOf(int slot) => _tokens[slot % _tokens.Length];

    /// <summary>Lets a slot's tools change a directory and what will be in it; nobody else's tools.</summary>
    /// <exception cref="UnauthorizedAccessException">This process may not.</exception>
    public void Grant(string directory, int slot)
    {
        DirectoryInfo info = new(directory);
        DirectorySecurity security = info.GetAccessControl(AccessControlSections.Access);
        security.AddAccessRule(new FileSystemAccessRule(
            _users[slot % _users.Length],
            FileSystemRights.FullControl,
            InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit,
            PropagationFlags.None,
            AccessControlType.Allow));
        info.SetAccessControl(security);
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_tokens, static token => token.Dispose());

    private static SecurityIdentifier UserOf(SafeAccessTokenHandle token)
    {
        using WindowsIdentity identity = new(token.DangerousGetHandle());
        return identity.User!;
    }

    private static unsafe SafeAccessTokenHandle RestrictedToken()
    {
        byte[] administrators = new byte[SecurityIdentifier.MaxBinaryLength];
        new SecurityIdentifier(WellKnownSidType.BuiltinAdministratorsSid, null).GetBinaryForm(administrators, 0);
        fixed (byte* sid = administrators)
        {
            ProcessNative.SidAndAttributes denied = new() { Sid = sid };
            if (!ProcessNative.OpenToken(-1, ProcessNative.MaximumAllowed, out SafeAccessTokenHandle own))
            {
                throw Failed();
            }

            using (own)
            {
                return ProcessNative.Restrict(
                    own, ProcessNative.DisableMaximumPrivileges, 1, &denied, 0, null, 0, null, out SafeAccessTokenHandle restricted)
                    ? restricted
                    : throw Failed();
            }
        }
    }

    private static ReprException Failed()
    {
        Win32Exception reason = new();
        return new ReprException(ReprErrorCode.Unavailable, $"The worker's privileges could not be taken from its tools: {reason.Message}", reason);
    }
}
