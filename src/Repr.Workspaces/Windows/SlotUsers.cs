using System.ComponentModel;
using System.Globalization;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Principal;
using Microsoft.Win32.SafeHandles;

namespace Repr.Workspaces.Windows;

/// <summary>
/// The local accounts repr-slot-0, repr-slot-1 and so on, members of the group of users and of nothing else. Needs an administrator; that
/// their tools can be started needs the privileges of SYSTEM, which a service has.
/// </summary>
[SupportedOSPlatform("windows")]
public static unsafe class SlotUsers
{
    private const string Prefix = "repr-slot-";
    private const int PasswordBytes = 24;

    /// <summary>Takes the accounts away. Nothing happens if there are none.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    public static void Remove()
    {
        uint result = AccountsNative.Success;
        for (int slot = 0; result == AccountsNative.Success; slot++)
        {
            result = AccountsNative.Delete(null, NameOf(slot));
        }

        if (result != AccountsNative.UserNotFound)
        {
            throw Failed("removed", result);
        }
    }

    /// <summary>Logs on a slot's account with a new password, which is then forgotten.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.Unavailable"/>: Windows refused.</exception>
    internal static SafeAccessTokenHandle LogOn(int slot)
    {
        string name = NameOf(slot);
        // As many policies want it: of all kinds of characters.
        string password = "aA1!" + Convert.ToBase64String(RandomNumberGenerator.GetBytes(PasswordBytes));
        Make(name, password);
        return AccountsNative.LogOn(name, ".", password, AccountsNative.Interactive, AccountsNative.DefaultProvider, out SafeAccessTokenHandle token)
            ? token
            : throw Failed($"logged on as '{name}'", (uint)System.Runtime.InteropServices.Marshal.GetLastPInvokeError());
    }

    private static void Make(string name, string password)
    {
        fixed (char* nameText = name, passwordText = password, comment = "Tools of a slot of the Repr worker")
        {
            AccountsNative.User user = new()
            {
                Name = nameText,
                Password = passwordText,
                Privilege = AccountsNative.UserPrivilege,
                Comment = comment,
                Flags = AccountsNative.Script | AccountsNative.NeverExpires,
            };
            uint result = AccountsNative.Add(null, 1, &user, null);
            if (result == AccountsNative.UserExists)
            {
                char* given = passwordText;
                result = AccountsNative.SetPassword(null, name, AccountsNative.Password, &given, null);
            }

            if (result != AccountsNative.Success)
            {
                throw Failed($"made ('{name}')", result);
            }

            // The group has another name in other languages.
            string group = ((NTAccount)new SecurityIdentifier(WellKnownSidType.BuiltinUsersSid, null).Translate(typeof(NTAccount))).Value.Split('\\')[^1];
            char* member = nameText;
            const uint ByName = 3;
            result = AccountsNative.AddToGroup(null, group, ByName, &member, 1);
            if (result is not (AccountsNative.Success or AccountsNative.AlreadyInGroup))
            {
                throw Failed($"added to '{group}' ('{name}')", result);
            }
        }
    }

    private static string NameOf(int slot) => Prefix + slot.ToString(CultureInfo.InvariantCulture);

    private static ReprException Failed(string what, uint error) => new(
        ReprErrorCode.Unavailable,
        $"{MessageCodes.NoSlotUsers}: A slot's user could not be {what}: {new Win32Exception((int)error).Message} (error {error}). "
        + "Run the worker as a service, or without --slot-users.");
}
