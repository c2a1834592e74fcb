using System.Globalization;
using Repr.Requester.Files;

namespace Repr.Requester.Actions;

/// <summary>What this process has from the user who runs it.</summary>
internal static class LocalUser
{
    private const uint UsualUmask = 0x12; // 0o022

    // Nothing in this process changes it. A failure is not kept.
    private static readonly Lazy<uint> s_umask = new(ReadUmask, LazyThreadSafetyMode.PublicationOnly);

    /// <summary>The umask of this process.</summary>
    public static uint Umask() => s_umask.Value;

    // From proc_pid_status(5), since umask(2) can't tell it without changing it.
    private static uint ReadUmask()
    {
        if (OperatingSystem.IsWindows())
        {
            return UsualUmask;
        }

        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(text => text.StartsWith("Umask:", StringComparison.Ordinal));
        return line is null ? UsualUmask : ParseOctal(line["Umask:".Length..].Trim());
    }

    /// <summary>The effective user and group; 0 and 0 on Windows, whose files have no such owners.</summary>
    public static (uint User, uint Group) Ids() => OperatingSystem.IsWindows() ? (0, 0) : (LinuxNative.GetUserId(), LinuxNative.GetGroupId());

    /// <summary>For people, as in "ana@laptop".</summary>
    public static string Name() => string.Create(CultureInfo.InvariantCulture, $"{Environment.UserName}@{Environment.MachineName}");

    private static uint ParseOctal(string digits)
    {
        uint value = 0;
        foreach (char digit in digits)
        {
            value = (value * 8) + (uint)(digit - '0');
        }

        return value;
    }
}
