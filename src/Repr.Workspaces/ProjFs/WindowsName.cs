using System.Buffers;

namespace Repr.Workspaces.ProjFs;

/// <summary>Which names of a requester a program on Windows can use (Microsoft: "Naming Files, Paths, and Namespaces").</summary>
internal static class WindowsName
{
    private static readonly SearchValues<char> s_forbidden =
        SearchValues.Create([.. Enumerable.Range(0, 32).Select(number => (char)number), '"', '*', '/', ':', '<', '>', '?', '\\', '|']);

    private static readonly HashSet<string> s_devices = new(
        [
            "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$",
            .. "0123456789¹²³".SelectMany(number => new[] { "COM" + number, "LPT" + number }),
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// True for one component that is a file's name: without characters that have a meaning (':' begins an alternate stream), not ended
    /// by a dot or space, which Windows cuts off, and no device, with or without an extension.
    /// </summary>
    public static bool IsValid(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || name[^1] is '.' or ' ' || name.ContainsAny(s_forbidden))
        {
            return false;
        }

        int dot = name.IndexOf('.');
        ReadOnlySpan<char> stem = (dot < 0 ? name : name[..dot]).TrimEnd(' ');
        return stem.Length > 7 || !s_devices.GetAlternateLookup<ReadOnlySpan<char>>().Contains(stem);
    }

    /// <summary>True for the name of a drive's directory: one letter.</summary>
    public static bool IsDrive(ReadOnlySpan<char> name) => name.Length == 1 && char.IsAsciiLetter(name[0]);
}
