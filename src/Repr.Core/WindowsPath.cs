using System.Diagnostics.CodeAnalysis;

namespace Repr;

/// <summary>
/// Paths of Windows as <see cref="VirtualPath"/> and back: <c>C:\src\x.cs</c> is <c>/C:/src/x.cs</c>, <c>C:\</c> is <c>/C:</c>. The
/// drive's letter is upper case, all else keeps its spelling. Text is normalised as Windows does before it opens a file: both slashes
/// separate, "." and ".." are resolved and stay below the drive, the last name loses its dots and spaces at the end. Purely lexical, the
/// same on every system: short names and links are not resolved. A <see cref="VirtualPath"/> with a drive is compared without case. Length is no reason to refuse below <see cref="VirtualPath.MaximumLength"/>.
/// </summary>
/// <remarks>
/// Refused, with the reason: network paths (a worker's driver denies them, so a tool could not open them there), devices and reserved
/// names, alternate data streams, volumes without a letter, characters that no file's name has, and names that end in a dot or a space
/// (only <c>\\?\</c> can open them). So each path has one meaning for every program. Source: "Naming Files, Paths, and Namespaces" and
/// "File path formats on Windows systems" (learn.microsoft.com). Thread-safe.
/// </remarks>
public static class WindowsPath
{
    private const string DeviceReason = "names a device, not a file";

    /// <summary>Reads an absolute path: <c>C:\x</c>, <c>c:/x</c>, <c>\\?\C:\x</c>, <c>\??\C:\x</c> or <c>\\.\C:\x</c>.</summary>
    /// <param name="text">The path.</param>
    /// <param name="path">The result.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence: "names a device, not a file".</param>
    public static bool TryParse(string? text, out VirtualPath path, [NotNullWhen(false)] out string? problem) =>
        TryParse(text, default, out path, out problem);

    /// <summary>
    /// Reads a path as a process reads it whose current directory is <paramref name="directory"/>: relative, <c>\x</c> on its drive, or
    /// <c>C:x</c> if C: is its drive (of another drive the current directory is not known: refused).
    /// </summary>
    /// <param name="text">The path.</param>
    /// <param name="directory">The current directory, or the default value: only absolute paths are read.</param>
    /// <param name="path">The result.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    public static bool TryParse(string? text, VirtualPath directory, out VirtualPath path, [NotNullWhen(false)] out string? problem)
    {
        path = default;
        if (string.IsNullOrEmpty(text))
        {
            problem = "is empty";
            return false;
        }

        problem = Split(text, directory, out string start, out string rest, out bool literal);
        List<string> names = [.. start.Split('/', StringSplitOptions.RemoveEmptyEntries)];
        problem ??= AddNames(names, rest, literal);
        return problem is null && VirtualPath.TryParse("/" + string.Join('/', names), out path, out problem);
    }

    /// <summary>Reads an absolute path.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: it is none that a tool could open by this text.</exception>
    public static VirtualPath Parse(string? text) =>
        TryParse(text, out VirtualPath path, out string? problem)
            ? path
            : throw new ReprException(ReprErrorCode.InvalidRequest, $"The path '{text}' {problem}.");

    /// <summary>The path as Windows writes it: <c>C:\src\x.cs</c>.</summary>
    /// <param name="path">The path.</param>
    /// <param name="text">The result.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    public static bool TryFormat(VirtualPath path, [NotNullWhen(true)] out string? text, [NotNullWhen(false)] out string? problem)
    {
        text = null;
        string[] names = path.Text[1..].Split('/');
        problem = IsDrive(names[0]) ? null : "does not start with a drive, as '/C:' does";
        foreach (string name in names.Skip(1))
        {
            problem ??= FindProblem(name);
        }

        if (problem is null)
        {
            text = char.ToUpperInvariant(names[0][0]) + @":\" + string.Join('\\', names.Skip(1));
        }

        return problem is null;
    }

    /// <summary>The path as Windows writes it: <c>C:\src\x.cs</c>.</summary>
    /// <exception cref="ReprException"><see cref="ReprErrorCode.InvalidRequest"/>: Windows has no such path.</exception>
    public static string Format(VirtualPath path) =>
        TryFormat(path, out string? text, out string? problem)
            ? text
            : throw new ReprException(ReprErrorCode.InvalidRequest, $"The path '{path}' {problem}.");

    /// <summary>True for one name of Windows that a file can have and every program can open.</summary>
    /// <param name="name">One component of a path.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    public static bool IsFileName(string name, [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(name);
        problem = name is "" or "." or ".." ? "is no file's name" : name.AsSpan().ContainsAny('/', '\\') ? "is no single name" : FindProblem(name);
        return problem is null;
    }

    /// <summary>Where the path starts ("/C:/directory"), and the names after that.</summary>
    private static string? Split(string text, VirtualPath directory, out string start, out string rest, out bool literal)
    {
        start = "";
        rest = text;
        // After \\?\ and \??\ Windows takes every character as it is.
        literal = text.StartsWith(@"\\?\", StringComparison.Ordinal) || text.StartsWith(@"\??\", StringComparison.Ordinal);
        bool device = literal || (text.Length > 3 && IsSlash(text[0]) && IsSlash(text[1]) && text[2] is '.' or '?' && IsSlash(text[3]));
        if (device)
        {
            rest = text[4..];
            if (rest.StartsWith(@"UNC\", StringComparison.OrdinalIgnoreCase))
            {
                return "is on a network share; give it a drive letter ('net use')";
            }

            if (!HasDrive(rest) || (rest.Length > 2 && !IsSlash(rest[2])))
            {
                return rest.StartsWith("Volume{", StringComparison.OrdinalIgnoreCase) ? "names a volume, not a drive" : DeviceReason;
            }

            if (rest.Length == 2)
            {
                return "names a drive as a device"; // \\.\C: is the volume's sectors
            }
        }
        else if (text.Length > 1 && IsSlash(text[0]) && IsSlash(text[1]))
        {
            return "is on a network share; give it a drive letter ('net use')";
        }

        if (HasDrive(rest))
        {
            start = "/" + char.ToUpperInvariant(rest[0]) + ":";
            rest = rest[2..];
            if (rest.Length > 0 && IsSlash(rest[0]))
            {
                return null;
            }

            if (directory.IsDefault || !directory.IsWithin(VirtualPath.Parse(start)))
            {
                return $"is relative to the current directory of drive {start[1..]}";
            }

            start = directory.Text;
            return null;
        }

        if (directory.IsDefault)
        {
            return "is not absolute";
        }

        start = IsSlash(text[0]) ? directory.Text.Split('/')[1] : directory.Text;
        return null;
    }

    private static string? AddNames(List<string> names, string rest, bool literal)
    {
        if (literal && rest.Contains('/', StringComparison.Ordinal))
        {
            return @"has a '/', which does not separate names after '\\?\'";
        }

        string[] segments = rest.Split('\\', '/');
        for (int i = 0; i < segments.Length; i++)
        {
            string segment = segments[i];
            if (segment.Length == 0)
            {
                if (literal && i > 0 && i < segments.Length - 1)
                {
                    return @"has an empty name, which is not left out after '\\?\'";
                }

                continue;
            }

            if (segment is "." or ".." && literal)
            {
                return $"has a '{segment}' component, which is not resolved after '\\\\?\\'";
            }

            if (segment is "..")
            {
                if (names.Count > 1)
                {
                    names.RemoveAt(names.Count - 1);
                }

                continue;
            }

            if (segment is ".")
            {
                continue;
            }

            string name = literal ? segment : WithoutEnd(segment, last: i == segments.Length - 1);
            if (name.Length == 0 || FindProblem(name) is not null)
            {
                return name.Length == 0 ? "has a name of dots and spaces" : FindProblem(name);
            }

            names.Add(name);
        }

        return null;
    }

    /// <summary>Without what Windows takes away: all dots and spaces at the path's end, one dot at the end of a name before it.</summary>
    private static string WithoutEnd(string segment, bool last) =>
        last ? segment.TrimEnd('.', ' ')
        : segment.EndsWith('.') && !segment.EndsWith("..", StringComparison.Ordinal) ? segment[..^1]
        : segment;

    private static string? FindProblem(string name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i];
            if (c == ':')
            {
                return $"names an alternate data stream ('{name}')";
            }

            if (c < ' ' || c is '<' or '>' or '"' or '|' or '?' or '*' or '\\')
            {
                return c < ' ' ? $"has the control character {(int)c}" : $"has the character {c}, which no name of Windows has";
            }

            if (char.IsSurrogate(c) && (i + 1 == name.Length || !char.IsSurrogatePair(c, name[++i])))
            {
                return "has half a surrogate pair";
            }
        }

        return name[^1] is '.' or ' ' ? $"has a name that ends in a dot or a space ('{name}')"
            : IsReserved(name) ? $"{DeviceReason} ('{name}')"
            : null;
    }

    /// <summary>CON, NUL, COM1 and their kin, with any extension and with spaces before it.</summary>
    private static bool IsReserved(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        string stem = (dot < 0 ? name : name[..dot]).TrimEnd(' ').ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$"
            || (stem.Length == 4 && (stem.StartsWith("COM", StringComparison.Ordinal) || stem.StartsWith("LPT", StringComparison.Ordinal))
                && stem[3] is (>= '0' and <= '9') or '\u00b9' or '\u00b2' or '\u00b3');
    }

    private static bool IsDrive(string name) => name.Length == 2 && HasDrive(name);

    private static bool HasDrive(string text) => text.Length > 1 && char.IsAsciiLetter(text[0]) && text[1] == ':';

    private static bool IsSlash(char c) => c is '\\' or '/';
}
